"""Messages of gateways at the endpoint: out of their envelopes, and answered by records of an egress."""

from __future__ import annotations

import pytest

from statefun_actors import Address, Settings
from statefun_actors.asking import (
    ANSWERS,
    FAILED,
    HANDLED,
    LARGEST_ANSWER,
    NOT_OPEN,
    OPEN_ASK,
    REQUEST,
    GatewayCall,
    Keyed,
    Look,
    Request,
    key_id,
    order,
    read_ask_found,
    request,
)
from statefun_actors.model import INGRESS, TypedValue
from tests.endpoint.gateway_door import ADA, GATEWAY, LONG, TOPIC, Cents, Note, caller, door, pair


async def test_a_reply_leaves_as_a_record_with_the_batch_that_gives_it() -> None:
    async with door() as gateway:
        assert await gateway.ask(1) == [(LONG, 2)]
        assert gateway.callers == [f"{INGRESS}/{caller('1')}"]


async def test_a_message_without_a_caller_has_none() -> None:
    async with door() as gateway:
        await gateway.engine.tell(ADA, request(Request(pair(1))))

        assert gateway.callers == ["None"]
        assert gateway.engine.egress(ANSWERS) == []


async def test_the_end_of_a_handler_without_a_reply_and_a_failure_are_told() -> None:
    async with door() as gateway:
        assert await gateway.ask(0) == [(HANDLED, b"")]
        assert await gateway.ask(-1, number="2") == [(FAILED, "TerminalError: no such number")]


async def test_messages_of_one_batch_are_answered_each() -> None:
    async with door() as gateway:
        await gateway.engine.tell(ADA, *(request(Request(pair(n), caller(f"{n + 1}"))) for n in (5, 0, -1)))

        assert [gateway.answers(number) for number in ("6", "1", "0")] == [
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


@pytest.mark.parametrize("wait", ["handled", "reply"])
async def test_a_handler_that_asks_an_activity_is_answered_by_the_method_that_takes_the_answer(wait: str) -> None:
    async with door() as gateway:
        assert await gateway.ask(Cents(7)) == [(LONG, 7)]
        assert await gateway.keyed(Cents(8), "2", wait) == [(LONG, 8)]


async def test_a_handler_that_sends_an_order_that_can_not_be_read_has_asked_nothing() -> None:
    async with door() as gateway:
        assert await gateway.ask(Note()) == [(HANDLED, b"")]


@pytest.mark.parametrize("id", ["any.topic:a1a1a1a1a1a1a1a1:1", f"no topic!.answers:{GATEWAY}:1", f"{TOPIC}:me:1"])
async def test_an_address_that_is_no_call_of_a_gateway_leads_to_no_topic(id: str) -> None:
    async with door() as gateway:
        await gateway.engine.tell(Address(INGRESS, id), 4, caller=ADA)

        assert gateway.engine.egress(ANSWERS) == []


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
        await gateway.engine.tell(ADA, request(Request(pair(1), caller("1"))), caller=Address("shop/other", "x"))

        assert (gateway.callers, gateway.answers("1")) == (None, [])


async def test_a_record_that_is_no_envelope_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    async with door() as gateway:
        await gateway.engine.tell(ADA, TypedValue(REQUEST, b"{}"), request(Request(pair(1), caller("1"))))

        assert gateway.answers("1") == [(LONG, 2)]
    assert "shop/clerk/ada: a record of a gateway is dropped, since it can't be read: " in caplog.text


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


@pytest.mark.parametrize("value", [pair(1), pair(0), pair("1")], ids=["a reply", "a notice", "a later reply"])
async def test_an_answer_for_a_topic_that_the_setting_lacks_is_dropped(
    value: tuple[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    forged = GatewayCall("made-up.answers", GATEWAY, "1").id
    keyed = Keyed(forged, "d", ADA, value, "handled")
    async with door(Settings(answers_topics={TOPIC})) as gateway:
        await gateway.engine.tell(ADA, request(Request(value, forged)))
        await gateway.order(keyed, key_id(ADA, "k"))

        assert gateway.engine.egress(ANSWERS) == []
        assert await gateway.ask(1, number="2") == [(LONG, 2)]
    dropped = (
        "{}: an answer to a gateway is dropped, since this endpoint may not write to its topic; if that gateway is "
        "yours, start the endpoint with --answers-topics made-up.answers"
    )
    assert {message.partition(": ")[2] for message in caplog.messages if "is dropped" in message} == {
        dropped.partition(": ")[2]
    }
