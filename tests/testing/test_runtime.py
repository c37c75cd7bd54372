"""``TestRuntime``: the embedded engine in a test."""

from __future__ import annotations

from typing import Any

import pytest

from statefun_actors import Address, KafkaRecord, NotServedError, UnhandledMessageError, ValueMismatchError
from statefun_actors.testing import TestRuntime
from tests.testing.entities import Asked, Charged, Clock


async def test_an_entity_exists_once_a_field_is_stored() -> None:
    async with TestRuntime(Clock) as runtime:
        await runtime.tell(Clock.at("x"), 1)
        before = runtime.exists(Clock.at("x"))
        await runtime.tell(Clock.at("x"), "hello")

        assert (before, runtime.exists(Clock.at("x"))) == (False, True)


async def test_ask_returns_the_reply_of_any_sender() -> None:
    async with TestRuntime(Asked) as runtime:
        asked = Asked.at("x")

        assert await runtime.ask(asked, "hi", str) == "HI"
        assert await runtime.ask(asked, "pass on") == "from another"
        assert runtime.egress("kit/out") == [KafkaRecord(topic="t", key="x", value=b"hi")]
        assert runtime.egresses == {"kit/out": runtime.egress("kit/out")}


async def test_messages_that_can_not_arrive_are_refused_at_once() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(UnhandledMessageError):
            await runtime.tell(Asked.at("x"), 5)
        with pytest.raises(NotServedError, match=r"^kit/nobody/x is not served: this engine runs kit/asked$"):
            await runtime.tell(Address("kit/nobody", "x"), 5)


async def test_options_that_make_no_sense_together_are_refused() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(ValueMismatchError) as raised:
            await runtime.ask(Asked.at("x"), "hi", str, caller=Asked.at("y"), key="k")

        assert str(raised.value) == "expected caller= or key=, since a key is that of a message from outside, got both"


@pytest.mark.parametrize("twice", [False, True])
async def test_a_batch_can_be_given_twice_and_counts_once(*, twice: bool) -> None:
    Charged.charges.clear()
    async with TestRuntime(Charged, twice=twice) as runtime:
        assert await runtime.ask(Charged.at("ada"), 5, int) == 5
        assert await runtime.ask(Charged.at("ada"), 2, int) == 7
        assert runtime.state(Charged.at("ada")).cents == 7
        assert runtime.egress("kit/receipts") == ["receipt", "receipt"]

    runs = ["ada 5", "ada receipt", "ada 7", "ada receipt"]
    assert Charged.charges == [run for run in runs for _ in range(1 + twice)]


async def test_a_malformed_address_is_refused() -> None:
    async with TestRuntime(Charged) as runtime:
        name: Any = "kit/charged/ada"
        for call in (lambda: runtime.tell(name, 1), lambda: runtime.ask(name, 1), lambda: runtime.state(name)):
            with pytest.raises(ValueMismatchError, match=r"^expected an address.* got 'kit/charged/ada' \(str\)$"):
                await call()


def test_it_runs_inside_its_context_only() -> None:
    with pytest.raises(RuntimeError) as raised:
        TestRuntime(Charged).state(Charged.at("ada"))

    assert str(raised.value) == "it runs inside `async with TestRuntime(...) as runtime:`"


async def test_an_address_that_utf8_cannot_write_is_refused() -> None:
    async with TestRuntime(Clock) as runtime:
        with pytest.raises(ValueMismatchError) as raised:
            await runtime.tell(Address("kit/account", "half \ud800 of a pair"), 1)

        assert str(raised.value) == r"expected an id that UTF-8 can encode, got 'half \ud800 of a pair'"
