"""The application of the tests of ``serve``, and batches for it."""

from __future__ import annotations

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import v2_pb2, v3_pb2
from tests.http.serving import Server, request

APP = """
import asyncio
from pathlib import Path
from statefun_actors import DeadLetter, Entity, handles, persisted

HERE = Path(__file__).parent


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n

    @handles(str)
    def fail(self, message: str) -> None:
        self.n = 99
        raise ValueError(message)


class Careful(Entity, typename="test/careful", on_failure=DeadLetter("test/dead", attempts=1)):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        if message == 13:
            raise ValueError("thirteen")


class Slow(Entity, typename="test/slow"):
    n: int = persisted(default=0)

    @handles(int)
    async def wait(self, message: int) -> None:
        (HERE / f"{self.id}.entered").touch()
        try:
            while not (HERE / "go").exists():
                await asyncio.sleep(0.01)
        finally:
            (HERE / f"{self.id}.left").touch()
        self.n += message
"""

COUNTER = Address("test/counter", "a")


def good(server: Server, protocol: int = 3) -> None:
    """A batch that succeeds: earlier requests did no harm."""
    state: dict[str, TypedValue | None] = {"n": pack(5)}
    body = request(COUNTER, 1, 2, state=state, caller=Address("x/y", "z"), protocol=protocol)
    status, reply = server.post(body, "/statefun" if protocol == 3 else "/statefun/v2")
    assert status == 200, reply
    if protocol == 3:
        result = v3_pb2.FromFunction.FromString(reply).invocation_result
        assert result.state_mutations[0].state_value.value == pack(8).value
    else:
        result2 = v2_pb2.FromFunction.FromString(reply).invocation_result
        assert b"google.protobuf.Int64Value" in result2.state_mutations[0].state_value
        assert len(result2.outgoing_messages) == 2
