"""Classes that raise when a value is read, in a batch: a message is the message's fault, a state the deployment's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from statefun_actors import DeadLetter, Entity, handles, persisted
from statefun_actors.compat.statefun3.codecs import TypeCodec
from statefun_actors.compat.statefun3.core import simple_type
from statefun_actors.errors import MessageDecodeError, StateDecodeError, UnhandledMessageError
from statefun_actors.interrupts import owning_process
from statefun_actors.model import Egress, TypedValue
from statefun_actors.types import Codec, kafka_record, pack, record_to_typed
from tests.dispatch.world import World
from tests.types.raising import RAISED, Hook, hook, leave, unfit

ALL = pytest.mark.parametrize("raised", list(RAISED))
LETTER = DeadLetter("test/dead", attempts=3)


class Desk(Entity, typename="test/desk"):
    count: int = persisted(default=0)
    held: Hook | None = persisted(default=None)

    @handles(Hook)
    def take(self, message: Hook) -> None:
        self.count += 100

    @handles(int)
    def add(self, message: int) -> None:
        self.count += message

    @handles(str)
    def look(self, message: str) -> str:
        return str(self.held)


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    """As in ``run`` and ``serve``, where a KeyboardInterrupt is never Ctrl-C."""
    with owning_process():
        yield


def letter(typename: str, value: dict[str, object], error: Exception) -> Egress:
    """The dead letter of a message to the desk."""
    record = {
        "function_type": "test/desk",
        "id": "ada",
        "caller": "bank/user/bea",
        "typename": typename,
        **value,
        "error_type": type(error).__name__,
        "error": str(error),
        "attempts": 1,
        "time": "2026-01-01T12:00:00+00:00",
    }
    data = json.dumps(record, separators=(",", ":"))
    return Egress("test/dead", record_to_typed(kafka_record(topic="dead", key="test/desk/ada", value=data)))


def in_base64(value: TypedValue) -> dict[str, object]:
    return {"value_base64": base64.b64encode(value.value).decode()}


@ALL
async def test_a_message_becomes_a_dead_letter_and_the_others_are_handled(raised: str) -> None:
    outcome = await World(Desk, on_failure=LETTER).done(1, hook(raised), 2)

    assert outcome.changes == {"count": pack(3)}
    error = MessageDecodeError("test/hook", unfit(raised))
    assert str(outcome.failures[0].error) == str(error)
    assert outcome.effects == [letter("test/hook", in_base64(hook(raised)), error)]


@ALL
async def test_without_a_policy_the_message_fails_the_batch(raised: str) -> None:
    outcome = await World(Desk).failed(1, hook(raised), 2)

    assert (outcome.index, type(outcome.error)) == (1, MessageDecodeError)


@ALL
@pytest.mark.parametrize("policy", [None, LETTER])
async def test_a_state_fails_the_batch_whatever_the_policy(policy: DeadLetter | None, raised: str) -> None:
    outcome = await World(Desk, {"held": hook(raised)}, on_failure=policy).failed("look")

    assert (outcome.index, type(outcome.error)) == (None, StateDecodeError)


class Faulty(TypeCodec):
    """A codec that raises what none may."""

    def decode(self, data: bytes, typename: str | None = None) -> object:
        leave(data.decode())
        return None


@ALL
async def test_a_message_that_a_codec_can_not_show_is_given_up_all_the_same(raised: str) -> None:
    world, message = World(Desk, on_failure=LETTER), TypedValue("test/faulty", raised.encode())
    codecs: dict[str, Codec] = world.app.codecs()  # type: ignore[assignment] # a dict that is made once
    codecs["test/faulty"] = Faulty(simple_type("test/faulty", str.encode, bytes.decode))

    outcome = await world.done(message)

    error = UnhandledMessageError("test/desk", ("Hook", "int", "str"), "test/faulty")
    assert outcome.effects == [letter("test/faulty", in_base64(message), error)]
