"""Messages of gateways at the endpoint: out of their envelopes, and answered by records of an egress."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from statefun_actors import (
    Address,
    Discard,
    Entity,
    KafkaRecord,
    NoAnswer,
    TerminalError,
    answers,
    handles,
    persisted,
)
from statefun_actors.asking import (
    ANSWERS,
    FAILED,
    HANDLED,
    KEY_REUSED,
    LARGEST_ANSWER,
    NOT_OPEN,
    OPEN_ASK,
    REQUEST,
    TAKEN,
    GatewayCall,
    Keyed,
    Later,
    Look,
    Order,
    Request,
    key_id,
    order,
    read_answer_record,
    read_ask_found,
    request,
)
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.types import pack, value_of
from tests.conformance.engine import Engine
from tests.conformance.wire import WIRE_3

TOPIC = "shop.gateway.answers"
DAY = timedelta(days=1).total_seconds()


class Clerk(Entity, typename="shop/clerk", on_failure=Discard()):
    seen: list[str] = persisted(factory=list)

    @handles
    def count(self, message: int) -> int | None:
        if message < 0:
            raise TerminalError("no such number")
        self.seen.append(str(self.caller))
        return message + 1 if message else None

    @handles
    def write(self, message: float) -> str:
        return "x" * int(message)

    @handles(internal=True)
    def inside(self, message: bool) -> str:
        return "done"

    @handles
    def ask_on(self, message: str) -> None:
        self.ask(Address("shop/clerk", "other"), int(message), then=self.told)

    @answers
    def told(self, answer: int | NoAnswer) -> int:
        if isinstance(answer, NoAnswer):
            raise TerminalError(answer.error)
        return answer

    @handles
    def open(self, message: bytes) -> str:
        return self.reply_address(then=self.told, timeout=timedelta(hours=1)).id


ADA = Clerk.at("ada")


class Door:
    """The endpoint, seen from a gateway's side of Kafka."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def ask(self, message: object, target: Address = ADA, number: str = "1") -> list[tuple[str, object]]:
        """Send *message* in the name of the call *number*; return what it was answered."""
        await self.engine.tell(target, request(Request(_pair(message), caller(number))))
        return self.answers(number)

    async def order(self, content: Order, id: str) -> None:
        await self.engine.tell(Address(INGRESS, id), order(content))

    async def keyed(
        self, message: object, number: str, wait: str = "handled", digest: str = "d", **more: Any
    ) -> object:
        """Send *message* under the key k, in the name of the call *number*."""
        content = Keyed(caller(number), digest, ADA, None if message is None else _pair(message), wait, **more)
        await self.order(content, key_id(ADA, "k"))
        return self.answers(number)

    def answers(self, number: str) -> list[tuple[str, object]]:
        """The answers to the call *number* so far: typename and value."""
        found = []
        for record in self.engine.egress(ANSWERS):
            assert isinstance(record, KafkaRecord)
            assert (record.topic, record.key) == (TOPIC, "a1")
            content = read_answer_record(record.value)
            if content.number == number:
                typename, data = content.value
                value: object = data
                if typename == FAILED:
                    value = data.decode()
                elif not typename.startswith("statefun-actors/"):
                    value = value_of(TypedValue(typename, data), {})
                found.append((typename, value))
        return found

    @property
    def callers(self) -> list[str] | None:
        """The callers that the entity has seen; None before the first."""
        found = self.engine.state(ADA).get("seen")
        assert found is None or isinstance(found, list)
        return found


def _pair(message: object) -> tuple[str, bytes]:
    value = pack(message)
    return value.typename, value.value


def caller(number: str) -> str:
    return GatewayCall(TOPIC, "a1", number).id


@asynccontextmanager
async def door() -> AsyncGenerator[Door]:
    async with WIRE_3.start(Clerk) as engine:
        yield Door(engine)
        assert engine.failures == []


LONG = "io.statefun.types/long"
STRING = "io.statefun.types/string"


async def test_a_reply_leaves_as_a_record_with_the_batch_that_gives_it() -> None:
    async with door() as gateway:
        assert await gateway.ask(1) == [(LONG, 2)]
        assert gateway.callers == [f"{INGRESS}/{caller('1')}"]


async def test_a_message_without_a_caller_has_none() -> None:
    async with door() as gateway:
        await gateway.engine.tell(ADA, request(Request(_pair(1))))

        assert gateway.callers == ["None"]
        assert gateway.engine.egress(ANSWERS) == []


async def test_the_end_of_a_handler_without_a_reply_and_a_failure_are_told() -> None:
    async with door() as gateway:
        assert await gateway.ask(0) == [(HANDLED, b"")]
        assert await gateway.ask(-1, number="2") == [(FAILED, "TerminalError: no such number")]


async def test_messages_of_one_batch_are_answered_each() -> None:
    async with door() as gateway:
        await gateway.engine.tell(ADA, *(request(Request(_pair(n), caller(str(n)))) for n in (5, 0, -1)))

        assert [gateway.answers(number) for number in ("5", "0", "-1")] == [
            [(LONG, 6)],
            [(HANDLED, b"")],
            [(FAILED, "TerminalError: no such number")],
        ]


async def test_an_internal_handler_refuses_it() -> None:
    async with door() as gateway:
        [(typename, text)] = await gateway.ask(True)

        assert typename == FAILED
        assert str(text).startswith("InternalMessageError: ")


async def test_a_handler_that_asks_is_answered_by_the_method_that_takes_the_answer() -> None:
    async with door() as gateway:
        assert await gateway.ask("3") == [(LONG, 4)]
        assert await gateway.ask("-1", number="2") == [(FAILED, "TerminalError: TerminalError: no such number")]


async def test_an_answer_that_kafka_would_refuse_is_told_as_a_failure() -> None:
    async with door() as gateway:
        assert await gateway.ask(float(LARGEST_ANSWER + 1)) == [
            (
                FAILED,
                "the message was handled, but its reply has 900,005 bytes, more than the 900,000 that go through Kafka",
            )
        ]


async def test_a_message_to_a_call_by_way_of_the_ingress_function_is_an_answer() -> None:
    async with door() as gateway:
        await gateway.engine.tell(Address(INGRESS, caller("7")), 4, caller=ADA)
        await gateway.engine.tell(Address(INGRESS, "no call"), 4, caller=ADA)

        assert gateway.answers("7") == [(LONG, 4)]
        assert len(gateway.engine.egress(ANSWERS)) == 1


async def test_a_function_can_not_make_an_envelope() -> None:
    async with door() as gateway:
        await gateway.engine.tell(ADA, request(Request(_pair(1), caller("1"))), caller=Address("shop/other", "x"))

        assert (gateway.callers, gateway.answers("1")) == (None, [])


async def test_a_record_that_is_no_envelope_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    async with door() as gateway:
        await gateway.engine.tell(ADA, TypedValue(REQUEST, b"{}"), request(Request(_pair(1), caller("1"))))

        assert gateway.answers("1") == [(LONG, 2)]
    assert "shop/clerk/ada: a record of a gateway is dropped, since it can't be read: " in caplog.text


async def test_a_repeat_under_a_key_gets_the_first_answer_for_a_day() -> None:
    async with door() as gateway:
        assert await gateway.keyed(1, "1") == [(LONG, 2)]
        assert await gateway.keyed(1, "2") == [(LONG, 2)]
        assert await gateway.keyed(None, "3") == [(LONG, 2)]
        assert await gateway.keyed(5, "4", digest="other") == [(KEY_REUSED, b"")]
        assert gateway.callers == [f"{INGRESS}/{key_id(ADA, 'k')}"]
        await gateway.engine.advance(DAY + 1)
        assert await gateway.keyed(1, "5") == [(LONG, 2)]
        assert gateway.callers == [f"{INGRESS}/{key_id(ADA, 'k')}"] * 2


@pytest.mark.parametrize(("message", "answer"), [(0, (HANDLED, b"")), (-1, (FAILED, "TerminalError: no such number"))])
async def test_the_end_of_a_message_under_a_key_is_kept(message: int, answer: object) -> None:
    async with door() as gateway:
        assert await gateway.keyed(message, "1") == [answer]
        assert await gateway.keyed(message, "2") == [answer]


async def test_callers_of_a_key_wait_together_until_its_reply() -> None:
    async with door() as gateway:
        assert await gateway.keyed(0, "1", "reply") == []
        assert await gateway.keyed(0, "2", "reply") == []
        assert await gateway.keyed(0, "3", "taken") == [(TAKEN, b"")]
        await gateway.engine.tell(Address(INGRESS, key_id(ADA, "k")), 9, caller=ADA)
        await gateway.engine.tell(Address(INGRESS, key_id(ADA, "k")), 10, caller=ADA)

        assert gateway.answers("1") == gateway.answers("2") == [(LONG, 9)]


async def test_a_message_that_nobody_waits_for_is_taken_once_under_its_key() -> None:
    async with door() as gateway:
        assert await gateway.keyed(1, "1", "taken") == [(TAKEN, b"")]
        assert await gateway.keyed(1, "2", "taken") == [(TAKEN, b"")]

        assert gateway.callers == ["None"]


async def test_a_key_without_a_message_is_not_open() -> None:
    async with door() as gateway:
        assert await gateway.keyed(None, "1") == [(NOT_OPEN, b"")]


async def test_delayed_messages_have_no_caller() -> None:
    async with door() as gateway:
        await gateway.order(Later(ADA, _pair(1), 1_000), "later:1")
        assert await gateway.keyed(1, "1", "taken", delay_ms=2_000) == [(TAKEN, b"")]
        assert gateway.callers is None
        await gateway.engine.advance(3)

        assert gateway.callers == ["None", "None"]


async def test_orders_of_functions_are_ignored() -> None:
    async with door() as gateway:
        content = Keyed(caller("1"), "d", ADA, _pair(1), "handled")
        await gateway.engine.tell(Address(INGRESS, key_id(ADA, "k")), order(content), caller=ADA)

        assert (gateway.callers, gateway.answers("1")) == (None, [])


async def test_a_gateway_is_told_which_ask_is_open_and_answers_it() -> None:
    async with door() as gateway:
        [(_, token)] = await gateway.ask(b"open")
        to = Address("statefun-actors/reply", str(token))
        [(typename, data)] = await gateway.ask(order(Look()), to, "2")
        assert typename == OPEN_ASK
        assert isinstance(data, bytes)
        found = read_ask_found(data)
        assert (found.asker, found.then) == (tuple(ADA), "told")

        assert await gateway.ask(5, to, "3") == [("io.statefun.types/bool", True)]
        assert await gateway.ask(5, to, "4") == [("io.statefun.types/bool", False)]
        assert await gateway.ask(order(Look()), to, "5") == [(NOT_OPEN, b"")]
