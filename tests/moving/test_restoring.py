"""A restore at an endpoint: state from nowhere, and everything that refuses it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from google.protobuf.any_pb2 import Any

from statefun_actors import (
    Discard,
    Entity,
    RequestReplyHandler,
    Settings,
    TypedValue,
    UnhandledMessageError,
    handles,
    persisted,
)
from statefun_actors.asking import (
    KEY_REUSED,
    NOT_RESTORED,
    RESTORE,
    RESTORED,
    DelayedMessage,
    Keyed,
    Request,
    Restore,
    WaitingMessage,
    key_id,
    request,
    restore,
)
from statefun_actors.dispatch import Application
from statefun_actors.ingress import MessageEncoders
from statefun_actors.testing import TestRuntime
from statefun_actors.wire import v3_pb2
from tests.conformance.engine import EngineKind
from tests.conformance.wire import WIRE_2, WIRE_3
from tests.endpoint.gateway_door import Door, caller, pair
from tests.http import serving


class Account(Entity, typename="bank/account"):
    """Without a failure policy: what fails it fails the job."""

    balance: int = persisted(default=0)
    names: list[str] = persisted(factory=list)

    @handles
    def add(self, message: int) -> None:
        if message < 0:
            raise ValueError("no such money")
        self.balance += message
        self.names.append(str(self.caller))

    @handles
    def forget(self, message: bool) -> None:
        self.clear()


class Anything(Entity, typename="bank/anything"):
    @handles(Any)
    def take(self, message: Any) -> None:
        raise AssertionError(message)


ADA = Account.at("ada")
BOB = Account.at("bob")
ADA_PAIR, BOB_PAIR = ("bank/account", "ada"), ("bank/account", "bob")
STATES = {"balance": pair(5), "names": ("statefun-actors/json", b'["first"]')}
NOW_MS = 1_767_225_600_000
"""The beginning of the clock of the engine."""
ON = Settings(accept_restore=True)


@asynccontextmanager
async def flink(settings: Settings = ON) -> AsyncGenerator[Door]:
    async with WIRE_3.start(Account, settings=settings) as engine:
        yield Door(engine)
        assert engine.failures == []


async def restored(door: Door, content: Restore, number: str = "1", *, digest: str = "d", key: str = "k") -> object:
    """The answer to *content* for ADA, under a key."""
    order = Keyed(caller(number), digest, ADA, pair(restore(content)), "handled")
    await door.order(order, key_id(ADA, key))
    return door.answers(number)


def refused(text: str) -> object:
    return [(NOT_RESTORED, f"bank/account/ada was not restored: {text}".encode())]


async def test_an_entity_gets_its_states_its_delayed_messages_and_those_that_wait() -> None:
    delayed = [
        DelayedMessage(NOW_MS + 2_000, ADA_PAIR, pair(100), "token"),
        DelayedMessage(NOW_MS - 1, BOB_PAIR, pair(7)),
    ]
    waiting = [WaitingMessage(pair(1), BOB_PAIR), WaitingMessage(pair(2))]
    async with flink() as door:
        assert await restored(door, Restore(STATES, delayed, waiting)) == [(RESTORED, b"")]

        assert door.engine.state(ADA) == {"balance": 8, "names": ["first", "bank/account/bob", "None"]}
        assert door.engine.state(BOB) == {"balance": 7, "names": ["bank/account/ada"]}
        await door.engine.advance(2)
        assert door.engine.state(ADA)["balance"] == 108


async def test_a_restore_that_is_repeated_counts_once_and_another_one_is_refused() -> None:
    waiting = Restore(waiting=[WaitingMessage(pair(1))])
    async with flink() as door:
        assert await restored(door, waiting) == [(RESTORED, b"")]
        assert await restored(door, waiting, "2") == [(RESTORED, b"")]
        assert await restored(door, waiting, "3", digest="other") == [(KEY_REUSED, b"")]

        assert door.engine.state(ADA)["balance"] == 1
        assert await restored(door, Restore(STATES), "4", key="states") == refused(
            "it has state already: balance, names. Nothing was overwritten. Restore into a job that has not handled "
            "messages of this entity."
        )
        assert door.engine.state(ADA)["balance"] == 1


async def test_what_was_refused_may_be_tried_again() -> None:
    async with flink() as door:
        await door.engine.tell(ADA, 1)
        assert await restored(door, Restore(STATES)) != [(RESTORED, b"")]
        await door.engine.tell(ADA, True)

        assert await restored(door, Restore(STATES), "2") == [(RESTORED, b"")]
        assert door.engine.state(ADA)["balance"] == 5


async def test_without_the_setting_it_is_refused_and_fails_no_batch(caplog: pytest.LogCaptureFixture) -> None:
    text = (
        "this endpoint takes no restores. Start it with `serve --accept-restore` while entities move here, and without "
        "it afterwards."
    )
    async with flink(Settings()) as door:
        assert await restored(door, Restore(STATES)) == refused(text)
        await door.engine.tell(ADA, 1, restore(Restore(STATES)), 2)

        assert door.engine.state(ADA)["balance"] == 3
    assert f"bank/account/ada: refused: RestoreRefusedError: bank/account/ada was not restored: {text}" in caplog.text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            restore(Restore({"old": pair(1)})),
            "no field of it here is stored as 'old'; there are balance, names. Give `export` the application that is "
            "served.",
        ),
        (
            restore(Restore({"balance": pair("x")})),
            "the stored state bank/account.balance can't be read: expected `int`, got state of type "
            "'io.statefun.types/string'. Go back to the type that wrote it, or declare persisted(..., convert=fn) to "
            "read it. Give `export` the application that is served.",
        ),
        (
            TypedValue(RESTORE, b"{}"),
            "the message can't be read: Expected `array`, got `int`. Use one version of statefun-actors for `export` "
            "and `serve`.",
        ),
    ],
)
async def test_what_does_not_fit_is_refused_as_a_whole(content: TypedValue, text: str) -> None:
    async with flink() as door:
        await door.engine.tell(ADA, request(Request(pair(content), caller("1"))))

        assert door.answers("1") == refused(text)
        assert door.engine.state(ADA) == {}


async def test_a_function_restores_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with flink() as door:
        await door.engine.tell(ADA, restore(Restore(STATES)), caller=BOB)

        assert door.engine.state(ADA) == {}
    assert (
        "bank/account/ada was not restored: the message is from bank/account/bob. Only `export --to-kafka` restores, "
        "through Kafka."
    ) in caplog.text


@pytest.mark.parametrize("kind", [WIRE_2, WIRE_3], ids=["2.x", "3.x"])
async def test_other_messages_of_its_batch_run_before_and_after_it(kind: EngineKind) -> None:
    async with kind.start(Account, settings=ON) as engine:
        await engine.tell(ADA, True, request(Request(pair(restore(Restore(STATES))))), 2)

        assert engine.state(ADA) == {"balance": 7, "names": ["first", "None"]}
        assert engine.failures == []


async def test_a_waiting_message_that_fails_undoes_the_restore_unless_a_policy_settles_it() -> None:
    fails = Restore(STATES, waiting=[WaitingMessage(pair(1)), WaitingMessage(pair(-1))])
    async with WIRE_3.start(Account, settings=ON) as engine:
        assert await restored(Door(engine), fails) == []
        assert (engine.state(ADA), engine.failures) == ({}, ["ValueError"])
    async with flink(Settings(accept_restore=True, on_failure=Discard())) as door:
        assert await restored(door, fails) == [(RESTORED, b"")]
        assert door.engine.state(ADA)["balance"] == 6


async def test_the_embedded_engine_takes_it_as_no_message() -> None:
    async with TestRuntime(Account, settings=ON) as runtime:
        with pytest.raises(UnhandledMessageError) as raised:
            await runtime.tell(ADA, restore(Restore(STATES)))

        assert runtime.state(ADA).balance == 0
    assert str(raised.value).startswith("Account (bank/account) takes int, bool, got statefun-actors/restore. ")


def test_no_door_for_messages_from_outside_takes_it() -> None:
    with pytest.raises(UnhandledMessageError) as raised:
        MessageEncoders(Application(Anything)).encoder("bank/anything", RESTORE)

    assert str(raised.value) == (
        "bank/anything takes messages of any type, got statefun-actors/restore. The namespace statefun-actors is for "
        "messages of this library itself."
    )


def test_a_synchronous_framework_restores_too_and_an_older_type_becomes_the_declared_one() -> None:
    handler = RequestReplyHandler(Account, settings=ON)
    content = Restore({**STATES, "balance": ("io.statefun.types/int", b"\x0d\x05\x00\x00\x00")})

    reply = handler(serving.request(ADA, restore(content), state={"balance": None, "names": None}))

    changed = v3_pb2.FromFunction.FromString(reply).invocation_result.state_mutations
    assert {each.state_name: each.state_value.typename for each in changed} == {
        "balance": "io.statefun.types/long",
        "names": "statefun-actors/json",
    }
    assert changed[0].state_value.value == pair(5)[1]
