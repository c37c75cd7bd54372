"""What one batch does: malformed requests, and the responses of an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statefun_actors import Address, Entity, Settings, StatefulFunctions, TypedValue, create_app, handles, persisted
from statefun_actors.wire import v2_pb2, v3_pb2
from tests.conformance.sections import BATCHES as B
from tests.http.serving import request
from tests.http.test_endpoint import Client

PATHS = {3: "/statefun", 2: "/statefun/v2"}
ADA = Address("conf/refuser", "a")


class Refuser(Entity, typename="conf/refuser"):
    """Fails for negative numbers, and reads its state."""

    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        if message < 0:
            raise ValueError("line one\nline two")


async def answers(body: Callable[[int], bytes], *served: object, **options: Any) -> set[tuple[int, bytes]]:
    """What both protocols answer to the body for each."""
    app = create_app(*(served or (Refuser,)), **options)
    return {await Client(app, path=path).body(body(protocol)).ask() for protocol, path in PATHS.items()}


def edited(edit: Callable[[Any], None]) -> Callable[[int], bytes]:
    """A good request, spoiled by *edit*."""

    def body(protocol: int) -> bytes:
        pb: Any = v3_pb2 if protocol == 3 else v2_pb2
        to_function = pb.ToFunction.FromString(request(ADA, 1, state={"n": None}, protocol=protocol))
        edit(to_function.invocation)
        return bytes(to_function.SerializeToString())

    return body


async def assert_refused(status: int, body: Callable[[int], bytes], *served: object, **options: Any) -> None:
    """Both protocols answer with *status* and one short line."""
    for got, text in await answers(body, *served, **options):
        assert got == status
        assert_one_line(text)


def assert_one_line(text: bytes) -> None:
    assert text.endswith(b"\n")
    assert 0 < len(text) < 600
    assert text.count(b"\n") == 1
    assert b"Traceback" not in text


@B.once("B77", "an empty target type or id is refused with 400", "wire")
async def empty_target() -> None:
    for name in ("namespace", "type", "id"):
        await assert_refused(400, edited(lambda batch, name=name: setattr(batch.target, name, "")))  # type: ignore[misc]


@B.once("B78", "an argument without a value is refused with 400", "wire")
async def no_value() -> None:
    await assert_refused(400, edited(lambda batch: batch.invocations[0].ClearField("argument")))


@B.once("B79", "one state twice is refused with 400", "wire")
async def state_twice() -> None:
    await assert_refused(400, edited(lambda batch: batch.state.append(batch.state[0])))


@B.once("B80", "a body that doesn't parse is refused with 400", "wire")
async def no_request() -> None:
    await assert_refused(400, lambda protocol: b"\xff\xff\xff")
    await assert_refused(400, lambda protocol: b"")


@B.once("B81", "more than the body limit is refused with 413", "wire")
async def too_large() -> None:
    await assert_refused(413, lambda protocol: request(ADA, "x" * 2_000, protocol=protocol), body_limit=1_000)


@B.once("B82", "the body limit is 32 MiB unless it is set", "wire")
def limit() -> None:
    assert Settings().body_limit == 32 * 1024 * 1024


@B.once(
    "B83",
    "an unknown function type, unreadable state and failed handlers are 500: a rolling deployment may cure them",
    "wire",
)
async def failed() -> None:
    await assert_refused(500, lambda protocol: request(ADA, 1, protocol=protocol), StatefulFunctions())
    bad: dict[str, TypedValue | None] = {"n": TypedValue("their/own", b"\xff")}
    await assert_refused(500, lambda protocol: request(ADA, 1, state=bad, protocol=protocol))
    await assert_refused(500, lambda protocol: request(ADA, -1, state={"n": None}, protocol=protocol))


@B.once("B84", "error bodies are one short line, never a traceback", "wire")
async def one_line() -> None:
    found = await answers(lambda protocol: request(ADA, -1, state={"n": None}, protocol=protocol))
    assert {text for _, text in found} == {"ValueError: line one …\n".encode()}
