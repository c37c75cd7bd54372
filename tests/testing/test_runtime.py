"""``TestRuntime``: the embedded engine in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    KafkaRecord,
    NoAnswer,
    NoReplyError,
    NotServedError,
    TerminalError,
    UnexpectedReplyError,
    UnhandledMessageError,
    ValueMismatchError,
    activity,
    answers,
    handles,
    kafka_record,
    persisted,
)
from statefun_actors.testing import TestRuntime


class Clock(Entity, typename="kit/clock"):
    """Notes when its messages come."""

    seen: list[str] = persisted(factory=list)

    @handles(int)
    def plan(self, message: int) -> None:
        self.send_after(
            timedelta(hours=message), self.address, f"after {message}", cancellation_token=f"t{message % 2}"
        )

    @handles(str)
    def note(self, message: str) -> None:
        self.seen.append(f"{message} at {self.now:%H:%M}")


class Asked(Entity, typename="kit/asked"):
    """Replies itself, or has another one reply."""

    tries: int = persisted(default=0)

    @handles(str)
    def asked(self, message: str) -> str | None:
        match message:
            case "pass on":
                assert self.caller is not None
                self.send(self.caller, "from another")
                return None
            case "silent":
                return None
            case "fail":
                raise ValueError("no")
            case "terminal":
                raise TerminalError("never")
            case _:
                self.send_egress("kit/out", kafka_record(topic="t", key=self.id, value=message))
                return message.upper()


class Starter(Entity, typename="kit/starter"):
    """Has two others fail, one after the other."""

    @handles(int)
    def start(self, message: int) -> None:
        self.send(Failing.at("a"), "first")
        self.send(Failing.at("b"), "second")

    @handles(str)
    def nothing(self, message: str) -> None: ...


class Failing(Entity, typename="kit/failing"):
    @handles(str)
    def fail(self, message: str) -> None:
        raise ValueError(message)


class Guarded(Entity, typename="kit/guarded", on_failure=DeadLetter("kit/letters", attempts=2)):
    @handles(int)
    def fail(self, message: int) -> None:
        raise ValueError(message)


async def test_time_stands_still_until_it_is_moved_and_everything_runs_at_its_own_time() -> None:
    async with TestRuntime(Clock, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        clock = Clock.at("x")
        for hours in (3, 2, 1):
            await runtime.tell(clock, hours)
        pending = [(timer.message, timer.due.hour, timer.cancellation_token) for timer in runtime.timers]
        await runtime.clock.advance(timedelta(hours=10))

        assert pending == [("after 1", 1, "t1"), ("after 2", 2, "t0")]
        assert runtime.state(clock).seen == ["after 1 at 01:00", "after 2 at 02:00"]
        assert runtime.clock.now == datetime(2026, 1, 1, 10, tzinfo=UTC)
        assert runtime.timers == []


async def test_tell_can_be_delayed() -> None:
    async with TestRuntime(Clock) as runtime:
        await runtime.tell(Clock.at("x"), "hello", after=60)
        before = runtime.state(Clock.at("x")).seen
        await runtime.clock.advance(60)

        assert (before, runtime.state(Clock.at("x")).seen) == ([], ["hello at 00:01"])


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


async def test_ask_says_what_came_instead_of_the_reply() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(NoReplyError) as silent:
            await runtime.ask(Asked.at("x"), "silent", str)
        with pytest.raises(UnexpectedReplyError) as other:
            await runtime.ask(Asked.at("x"), "hi", int)
        with pytest.raises(TerminalError, match=r"^never$"):
            await runtime.ask(Asked.at("x"), "terminal", str)

        assert isinstance(silent.value, AssertionError)
        assert str(silent.value) == (
            "kit/asked/x did not reply, and nothing is left to do at this time. Return a reply from its handler, or "
            "from the method that takes the answer to its ask; where time has to pass first: tell(...), then "
            "clock.advance(...); or ask(..., key=...), clock.advance(...), and ask(...) again under that key."
        )
        assert str(other.value).startswith("expected `int` in reply from kit/asked/x, got io.statefun.types/string: ")


async def test_without_a_policy_the_error_is_raised_and_the_message_waits() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(ValueError, match=r"^no$"):
            await runtime.tell(Asked.at("x"), "fail")
        with pytest.raises(ValueError, match=r"^no$"):
            await runtime.clock.advance(1)

        assert await runtime.ask(Asked.at("y"), "hi", str) == "HI"


async def test_of_several_errors_the_first_is_raised_and_none_of_them_twice() -> None:
    async with TestRuntime(Starter, Failing) as runtime:
        with pytest.raises(ValueError, match=r"^first$"):
            await runtime.tell(Starter.at("x"), 0)

        await runtime.tell(Starter.at("y"), "nothing")


async def test_a_message_that_a_policy_gives_up_is_a_dead_letter() -> None:
    async with TestRuntime(Guarded) as runtime:
        await runtime.tell(Guarded.at("x"), 5)
        [letter] = runtime.dead_letters

        assert (letter.target, letter.message, letter.error_type, letter.error, letter.attempts) == (
            Guarded.at("x"), 5, "ValueError", "5", 2,
        )  # fmt: skip
        assert len(runtime.egress("kit/letters")) == 1


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


async def test_time_does_not_go_back() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(ValueError, match="time moves forward"):
            await runtime.clock.advance(-1)


class Charged(Entity, typename="kit/charged"):
    """Does its work, and another thing."""

    cents: int = persisted(default=0)
    charges: ClassVar[list[str]] = []

    @handles(int)
    def charge(self, message: int) -> int:
        self.cents += message
        self.charges.append(f"{self.id} {self.cents}")
        self.send(self.address, "receipt")
        return self.cents

    @handles(str)
    async def note(self, message: str) -> None:
        await asyncio.sleep(0)
        self.charges.append(f"{self.id} {message}")
        self.send_egress("kit/receipts", message)


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


async def test_times_that_make_no_sense_are_refused() -> None:
    async with TestRuntime(Charged) as runtime:
        with pytest.raises(ValueMismatchError, match=r"^expected a delay of zero or more, got -5$"):
            await runtime.tell(Charged.at("ada"), 1, after=-5)
    with pytest.raises(ValueMismatchError) as raised:
        TestRuntime(Charged, start=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused

    assert str(raised.value) == (
        "expected start= as an aware datetime: datetime(2026, 1, 1, tzinfo=UTC), "
        "got datetime.datetime(2026, 1, 1, 0, 0)"
    )


def test_it_runs_inside_its_context_only() -> None:
    with pytest.raises(RuntimeError) as raised:
        TestRuntime(Charged).state(Charged.at("ada"))

    assert str(raised.value) == "it runs inside `async with TestRuntime(...) as runtime:`"


async def test_an_address_that_utf8_cannot_write_is_refused() -> None:
    async with TestRuntime(Clock) as runtime:
        with pytest.raises(ValueMismatchError) as raised:
            await runtime.tell(Address("kit/account", "half \ud800 of a pair"), 1)

        assert str(raised.value) == r"expected an id that UTF-8 can encode, got 'half \ud800 of a pair'"


class Forgotten(Entity, typename="kit/forgotten"):
    @handles(int)
    def take(self, message: int) -> None: ...


class Forgetful(Entity, typename="kit/forgetful"):
    """Sends to a class, at once or later, and to a function that may be in another language."""

    @handles(str)
    def go(self, message: str) -> str:
        if message == "now":
            self.send(Forgotten.at("x"), 1)
        elif message == "outside":
            self.ask(forgotten, message, then=self.done)
        elif message == "later":
            self.send_after(5, Forgotten.at("x"), 1)
        else:
            self.send(Address("fraud/checker", "x"), 1)
        return message

    @answers
    def done(self, answer: str | NoAnswer) -> None: ...


@activity("kit/outside")
async def forgotten(message: str) -> str:
    return message


async def test_a_message_to_an_activity_that_is_not_run_fails_the_test() -> None:
    async with TestRuntime(Forgetful) as runtime:
        with pytest.raises(AssertionError) as raised:
            await runtime.tell(Forgetful.at("a"), "outside")
    assert str(raised.value) == (
        "messages were sent to forgotten, which this TestRuntime does not run: write TestRuntime(..., forgotten)"
    )
    async with TestRuntime(Forgetful, forgotten.replaced(lambda message: message)) as runtime:
        await runtime.tell(Forgetful.at("a"), "outside")
        assert runtime.asks == []


async def test_a_message_to_a_class_that_is_not_run_fails_the_test() -> None:
    error = "messages were sent to Forgotten, which this TestRuntime does not run: write TestRuntime(..., Forgotten)"
    async with TestRuntime(Forgetful) as runtime:
        assert await runtime.ask(Forgetful.at("a"), "elsewhere", str) == "elsewhere"
        with pytest.raises(AssertionError) as raised:
            await runtime.ask(Forgetful.at("a"), "now", str)
        assert str(raised.value) == error
    async with TestRuntime(Forgetful) as runtime:
        await runtime.tell(Forgetful.at("a"), "later")
        with pytest.raises(AssertionError) as raised:
            await runtime.clock.advance(5)
        assert str(raised.value) == error
    async with TestRuntime(Forgetful, Forgotten) as runtime:
        assert await runtime.ask(Forgetful.at("a"), "now", str) == "now"


async def test_failing_messages_can_be_seen() -> None:
    async with TestRuntime(Asked, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        assert runtime.failing == []
        with pytest.raises(ValueError, match=r"^no$"):
            await runtime.tell(Asked.at("x"), "fail")
        await runtime.tell(Asked.at("x"), "hi")

        [failing] = runtime.failing
        assert (failing.target, failing.message, failing.error_type, failing.error) == (
            Asked.at("x"), "fail", "ValueError", "no",
        )  # fmt: skip
        assert (failing.attempts, failing.behind) == (1, 1)
        assert failing.next is not None
        assert failing.next > runtime.clock.now


async def test_it_runs_until_it_is_idle_with_timers_or_without() -> None:
    async with TestRuntime(Clock, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        await runtime.tell(Clock.at("x"), 2)
        await runtime.tell(Clock.at("x"), 5)
        await runtime.run_until_idle()
        assert len(runtime.timers) == 2

        await runtime.run_until_idle(fire_timers=True)

        assert runtime.timers == []
        assert runtime.state(Clock.at("x")).seen == ["after 2 at 02:00", "after 5 at 05:00"]
        assert runtime.clock.now == datetime(2026, 1, 1, 5, tzinfo=UTC)


class Endless(Entity, typename="kit/endless"):
    @handles(str)
    def again(self, message: str) -> None:
        self.send_after(1, self.address, message)

    @handles(int)
    def every(self, message: int) -> None:
        self.send_every(timedelta(hours=1), self.address, "", name="hourly")


async def test_recurring_messages_do_not_keep_it_from_being_idle() -> None:
    async with TestRuntime(Endless) as runtime:
        await runtime.tell(Endless.at("x"), 1)
        await runtime.run_until_idle(fire_timers=True)

        assert [schedule.name for schedule in runtime.schedules] == ["hourly"]


async def test_timers_without_end_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.testing.runtime._MOST_MOVES", 20)
    async with TestRuntime(Endless, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        await runtime.tell(Endless.at("x"), "tick")
        with pytest.raises(AssertionError) as raised:
            await runtime.run_until_idle(fire_timers=True)

        assert str(raised.value) == (
            "time was moved 20 times, to 2026-01-01 00:00, and delayed messages are still pending, so they may renew "
            "themselves without end: use clock.advance(...)"
        )
