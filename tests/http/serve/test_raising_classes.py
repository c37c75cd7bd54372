"""Messages of a class that raises what is no ``Exception`` when it is read, over both protocols."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from statefun_actors import Address
from statefun_actors.types import pack
from statefun_actors.wire import v2_pb2, v3_pb2
from tests.http.serving import Server, request, serving
from tests.types.raising import RAISED, hook, unfit

APP = """\
import asyncio
import builtins

from statefun_actors import DeadLetter, Entity, handles, message, persisted


class OwnExit(BaseException):
    pass


@message("test/hook")
class Hook:
    raised: str

    def __attrs_post_init__(self) -> None:
        mine = {"OwnExit": OwnExit, "CancelledError": asyncio.CancelledError}
        raise (mine.get(self.raised) or getattr(builtins, self.raised))("no setting")


class Desk(Entity, typename="test/desk", on_failure=DeadLetter("test/dead", attempts=3)):
    count: int = persisted(default=0)

    @handles(Hook)
    def take(self, message: Hook) -> None:
        self.count += 100

    @handles(int)
    def add(self, message: int) -> None:
        self.count += message
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("desk") / "app.py"
    path.write_text(APP, encoding="utf-8")
    with serving(path) as server:
        yield server


@pytest.mark.parametrize("protocol", [3, 2])
@pytest.mark.parametrize("raised", list(RAISED))
def test_it_becomes_a_dead_letter_and_the_others_of_its_batch_are_handled(
    desk: Server, raised: str, protocol: int
) -> None:
    body = request(Address("test/desk", "ada"), 1, hook(raised), 2, state={"count": pack(0)}, protocol=protocol)

    status, reply = desk.post(body, "/statefun" if protocol == 3 else "/statefun/v2")

    assert status == 200, reply
    if protocol == 3:
        result = v3_pb2.FromFunction.FromString(reply).invocation_result
        [mutation], [egress] = result.state_mutations, result.outgoing_egresses
        assert mutation.state_value.value == pack(3).value
        record = egress.argument.value
    else:
        result2 = v2_pb2.FromFunction.FromString(reply).invocation_result
        [mutation2], [egress2] = result2.state_mutations, result2.outgoing_egresses
        assert mutation2.state_value.endswith(b"Int64Value\x12\x02\x08\x03")
        record = egress2.argument.value
    letter = json.loads(record[record.index(b"{") : record.rindex(b"}") + 1])
    assert letter["error_type"] == "MessageDecodeError"
    assert letter["error"] == f"a message of type test/hook can't be read: {unfit(raised)}"
    assert base64.b64decode(letter["value_base64"]) == hook(raised).value
