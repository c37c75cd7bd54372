"""Large bodies of many messages: parsed in slices, taken as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Address, Entity, Settings, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine
from statefun_actors.http import Guard, Pending, Request, Response, create_ingress_app, line
from statefun_actors.http.ingress.many_messages import SLICE, LinesBody
from statefun_actors.http.router import BODIES_READ
from statefun_actors.ingress import Lines
from statefun_actors.types import pack
from tests.engine.engines import DEADLINE, held, running, until
from tests.partitions.peers import response_of

LIMIT = 16 * SLICE
REQUEST = Request("POST", b"/ingress", [(b"content-type", b"application/jsonl")])


class Seen(Entity, typename="test/seen"):
    numbers: list[int] = persisted(factory=list[int])

    @handles(int)
    def see(self, message: int) -> None:
        self.numbers.append(message)


def written(number: int) -> bytes:
    return b'{"to": "test/seen/a", "value": %d}\n' % number


BLANK = b"\n" * SLICE
LARGE = written(1) + BLANK + b"\xef\xbb\xbf \r\n" + written(2) + BLANK + written(3)
READER = Lines(Application(Seen))


class Ingress:
    """The ingress to *engine*."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        app = Application(Seen, settings=Settings(body_limit=LIMIT))
        route = create_ingress_app(app, engine, Guard(local=True)).route("/ingress")
        assert route is not None
        self.respond = route.respond

    def pending(self, body: bytes) -> Pending:
        found = self.respond(REQUEST, body)
        assert not isinstance(found, Response)
        return found


@asynccontextmanager
async def ingress() -> AsyncGenerator[Ingress]:
    async with running(Seen) as engine, asyncio.timeout(DEADLINE):
        yield Ingress(engine)


def seen(engine: Engine) -> object:
    return held(engine, Address("test/seen", "a"), "numbers")


async def test_the_event_loop_does_other_work_between_the_slices_of_a_body() -> None:
    turns = 0

    def turn() -> None:
        nonlocal turns
        if seen(there.engine) is None:
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

    async with ingress() as there:
        pending = there.pending(written(1).rjust(50 * SLICE, b"\n"))
        turn()
        assert await response_of(pending) == Response(202)
        await until(lambda: seen(there.engine) == [1])
        assert turns >= 50


async def test_small_bodies_are_taken_at_once() -> None:
    async with ingress() as there:
        first, second = there.pending(LARGE), there.pending(written(4))
        assert [(await response_of(each)) for each in (second, first)] == [Response(202)] * 2
        await until(lambda: seen(there.engine) == [4, 1, 2, 3])


async def test_of_a_large_body_none_is_taken_if_its_last_line_is_bad() -> None:
    async with ingress() as there:
        response = await response_of(there.pending(LARGE + b'{"to": "test/seen/a", "value": "x"}'))
        assert response == line(
            422,
            f"line {2 * SLICE + 5}: expected `int`, got `str` - at `$.value`. No message of this request was taken",
        )
        assert await response_of(there.pending(written(4))) == Response(202)
        await until(lambda: seen(there.engine) == [4])


async def test_of_a_large_body_none_is_taken_once_its_client_is_gone() -> None:
    async with ingress() as there:
        gone, found = there.pending(LARGE), list[Response | None]()
        gone.on_done(found.append)
        gone.cancel()
        assert found == [None]
        # A later body of the same size is parsed after it.
        assert await response_of(there.pending(BLANK + written(4))) == Response(202)
        await until(lambda: seen(there.engine) == [4])
        assert found == [None]


async def test_bodies_are_refused_while_others_of_the_most_bytes_are_parsed() -> None:
    async with ingress() as there:
        whole = written(1).rjust(LIMIT, b"\n")
        parsed = [there.pending(whole) for _ in range(BODIES_READ)]
        assert there.respond(REQUEST, LARGE) == line(
            503, "not taken, send it again: other large bodies are being read", (b"retry-after", b"1")
        )
        assert await asyncio.gather(*map(response_of, parsed)) == [Response(202)] * BODIES_READ
        assert await response_of(there.pending(LARGE)) == Response(202)


@given(st.lists(st.sampled_from([b"", b" \r", written(1)[:-1], written(2)[:-1]]), max_size=8), st.integers(0, 60))
def test_slices_of_any_size_find_the_same_lines(lines: list[bytes], size: int) -> None:
    body = b"\n".join(lines)
    whole, sliced = LinesBody(READER, body), LinesBody(READER, body)
    assert not whole.parse(len(body))
    while sliced.parse(size):
        pass
    assert [each.value for each in sliced.messages] == [pack(int(each[-2:-1])) for each in lines if each.strip()]
    assert sliced.messages == whole.messages
