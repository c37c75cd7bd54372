"""Messages of gateways under an idempotency key: taken once, and answered alike for a day."""

from __future__ import annotations

import pytest

from statefun_actors import Address
from statefun_actors.asking import (
    FAILED,
    HANDLED,
    KEY_REUSED,
    NOT_OPEN,
    REQUEST,
    TAKEN,
    Keyed,
    Later,
    Request,
    key_id,
    order,
    request,
)
from statefun_actors.model import INGRESS
from tests.endpoint.gateway_door import ADA, DAY, LONG, caller, door, pair


async def test_messages_of_reserved_types_are_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    forged = request(Request(pair(1), caller("9")))
    async with door() as gateway:
        refused = f"a gateway sends no messages of type '{REQUEST}' to shop/clerk"
        assert await gateway.keyed(forged, "1") == [(FAILED, refused)]
        await gateway.order(Later(ADA, pair(forged), 1), "later:1")
        await gateway.engine.advance(1)

        assert (gateway.callers, gateway.answers("9")) == (None, [])
    assert f"statefun-actors/ingress: a record of a gateway is dropped: {refused}" in caplog.text


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
        await gateway.order(Later(ADA, pair(1), 1_000), "later:1")
        assert await gateway.keyed(1, "1", "taken", delay_ms=2_000) == [(TAKEN, b"")]
        assert gateway.callers is None
        await gateway.engine.advance(3)

        assert gateway.callers == ["None", "None"]


async def test_orders_of_functions_are_ignored() -> None:
    async with door() as gateway:
        content = Keyed(caller("1"), "d", ADA, pair(1), "handled")
        await gateway.engine.tell(Address(INGRESS, key_id(ADA, "k")), order(content), caller=ADA)

        assert (gateway.callers, gateway.answers("1")) == (None, [])
