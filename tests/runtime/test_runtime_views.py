"""The views of a runtime: failing messages, timers, asks and recurring messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from statefun_actors import Address, AsyncRuntime, Entity, NoAnswer, Runtime, answers, handles, persisted
from statefun_actors.runtime import Ask, PendingTimer, Schedule
from tests.cli.commands import wait_until


class Order(Entity, typename="test/order"):
    """Asks, waits, recurs and fails."""

    seen: str = persisted(default="")

    @handles
    def begin(self, message: str) -> None:
        self.ask(Address("test/nobody", "n"), message, then=self.reserved, timeout=timedelta(minutes=5), keep="pen")
        self.send_after(timedelta(hours=1), self.address, 7)
        self.send_every(timedelta(days=1), self.address, 8, name="daily")

    @handles
    def refuse(self, message: int) -> None:
        raise ValueError(f"no {message}")

    @answers
    def reserved(self, answer: str | NoAnswer, keep: str) -> None:
        self.seen = f"{answer} {keep}"


class Silent(Entity, typename="test/nobody"):
    """Does not answer."""

    @handles
    def take(self, message: str) -> None:
        """Nothing."""


ADA = Order.at("ada")


def _check(asks: list[Ask], timers: list[PendingTimer], schedules: list[Schedule]) -> None:
    asked = Ask(Silent.at("n"), "go", "reserved", timedelta(minutes=5), "pen")
    assert asks == [asked]
    assert asks[0].asker == ADA
    assert [(timer.target, timer.message, timer.sender) for timer in timers] == [(ADA, 7, ADA)]
    assert schedules == [Schedule(timedelta(days=1), "UTC", ADA, 8, "daily")]


def test_a_blocking_runtime_lists_what_is_pending() -> None:
    with Runtime(Order, Silent) as runtime:
        runtime.tell(ADA, "go")
        wait_until(lambda: len(runtime.schedules) == len(runtime.asks) == 1, "it asks and recurs")

        _check(runtime.asks, runtime.timers, runtime.schedules)
        assert runtime.failing == []


def test_an_async_runtime_lists_what_is_pending() -> None:
    async def work() -> None:
        async with AsyncRuntime(Order, Silent) as runtime:
            await runtime.tell(ADA, "go")
            await asyncio.to_thread(
                wait_until, lambda: len(runtime.schedules) == len(runtime.asks) == 1, "it asks and recurs"
            )

            _check(runtime.asks, runtime.timers, runtime.schedules)
            assert runtime.failing == []

    asyncio.run(work())


def test_a_failing_message_is_listed_with_its_error_and_the_number_that_wait() -> None:
    with Runtime(Order, Silent) as runtime:
        runtime.tell(ADA, 1)
        runtime.tell(ADA, 2)
        wait_until(lambda: bool(runtime.failing) and runtime.failing[0].behind == 1, "a failing message")
        (failing,) = runtime.failing

    assert (failing.target, failing.message, failing.error_type, failing.error) == (ADA, 1, "ValueError", "no 1")
    assert failing.attempts >= 1


@pytest.mark.parametrize(
    "read",
    [
        lambda runtime: runtime.asks,
        lambda runtime: runtime.failing,
        lambda runtime: runtime.schedules,
        lambda runtime: runtime.timers,
    ],
)
def test_outside_its_block_nothing_is_read(read: Callable[[Runtime], object]) -> None:
    with pytest.raises(RuntimeError, match="this runtime does not run: call it inside `with Runtime"):
        read(Runtime(Order, Silent))
