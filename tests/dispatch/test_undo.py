"""Failure policies: rollback, the number of attempts, and the failures in the outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from statefun_actors import Address, DeadLetter, Discard, Entity, Settings, TerminalError, handles, persisted
from statefun_actors.model import Egress, Send, SendAfter, Settlement
from statefun_actors.types import pack
from tests.dispatch.world import World, text_of

PROBE = Address("probe/x", "1")
FAILS = 13
LETTERS = DeadLetter("test/letters", attempts=3, backoff=1)


class Counter(Entity, typename="test/counter"):
    """Does all that can be undone; a message that is 13 then fails."""

    total: int = persisted(default=0)
    seen: list[int] = persisted(factory=list)
    fresh: str | None = persisted(expire_after_write=timedelta(days=1))

    @handles(int)
    def add(self, message: int) -> int:
        self.total += message
        self.seen.append(message)
        self.fresh = "yes"
        self.send(PROBE, message)
        self.send_after(5, PROBE, message, cancellation_token="later")
        self.reply("on its way")
        if message == FAILS:
            raise ValueError("thirteen")
        return self.total

    @handles(str)
    def clear_and_fail(self, message: str) -> None:
        self.clear()
        raise ValueError(message)


class Stubborn(Entity, typename="test/stubborn"):
    """Fails the number of times that its message says."""

    failures_left = 0
    runs: int = persisted(default=0)

    @handles(int)
    def run(self, message: int) -> None:
        self.runs += 1
        self.send(PROBE, self.now.isoformat())
        if Stubborn.failures_left:
            Stubborn.failures_left -= 1
            raise ValueError("not yet")


@pytest.fixture
def failing() -> Callable[[int], None]:
    def fail(times: int) -> None:
        Stubborn.failures_left = times

    return fail


async def test_nothing_of_a_failed_message_is_left() -> None:
    world, same = (World(Counter, {"total": 5}, on_failure=Discard()) for _ in range(2))

    with_failure, without = await world.done(1, FAILS, 2), await same.done(1, 2)

    assert with_failure.effects == without.effects
    assert with_failure.changes == without.changes


async def test_a_deletion_is_undone_too() -> None:
    world = World(Counter, {"total": 5, "fresh": "no"}, on_failure=Discard())

    outcome = await world.done(1, "boom")

    assert outcome.changes["total"] == pack(6)
    assert outcome.changes["fresh"] == pack("yes")


async def test_marks_have_the_number_of_effects_after_each_message() -> None:
    outcome = await World(Counter, on_failure=LETTERS).done(1, FAILS, 2)

    kinds = [type(effect) for effect in outcome.effects]
    assert kinds == [Send, SendAfter, Send, Send, Egress, Send, SendAfter, Send, Send]
    assert outcome.marks == [4, 5, 9]


async def test_marks_are_reported_without_a_policy_too() -> None:
    outcome = await World(Counter).done(1, 2, caller=None)

    assert outcome.marks == [2, 4]


async def test_a_message_failure_has_its_index_error_settlement_and_attempts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        outcome = await World(Counter, on_failure=LETTERS).done(1, FAILS)

    (failure,) = outcome.failures
    assert (failure.index, text_of(failure.error)) == (1, "ValueError: thirteen")
    assert (failure.settlement, failure.attempts) == (Settlement.DEAD_LETTER, 3)
    assert caplog.messages == [
        "test/counter/ada: dead letter of type io.statefun.types/long after 3 attempts: ValueError: thirteen"
    ]


async def test_a_message_that_is_tried_once_is_logged_without_attempts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        await World(Counter, on_failure=Discard()).done(FAILS)

    assert caplog.messages == ["test/counter/ada: discarded of type io.statefun.types/long: ValueError: thirteen"]


async def test_the_next_attempt_comes_after_a_wait_that_doubles(failing: Callable[[int], None]) -> None:
    world = World(Stubborn, settings=Settings(on_failure=DeadLetter("test/letters", attempts=5), retry_budget=60))
    failing(4)

    outcome = await world.done(1)

    assert world.host.waits == [0.1, 0.2, 0.4, 0.8]
    assert outcome.changes == {"runs": pack(1)}
    assert not outcome.failures


async def test_each_attempt_has_a_time_of_its_own(failing: Callable[[int], None]) -> None:
    failing(1)

    (sent,) = await World(Stubborn, on_failure=LETTERS).effects(1)

    assert sent == Send(PROBE, pack("2026-01-01T12:00:01+00:00"))


async def test_the_total_wait_of_a_batch_is_bounded(failing: Callable[[int], None]) -> None:
    world = World(Stubborn, settings=Settings(on_failure=LETTERS, retry_budget=4))
    failing(100)

    outcome = await world.done(1, 2, 3)

    assert world.host.waits == [1, 2, 1]
    assert [failure.attempts for failure in outcome.failures] == [3, 2, 1]


async def test_a_wait_that_the_budget_can_not_pay_is_not_begun(failing: Callable[[int], None]) -> None:
    world = World(Stubborn, settings=Settings(on_failure=LETTERS, retry_budget=0.9))
    failing(100)

    (failure,) = (await world.done(1)).failures

    assert (world.host.waits, failure.attempts) == ([], 1)


async def test_backoff_may_be_zero(failing: Callable[[int], None]) -> None:
    world = World(Stubborn, on_failure=Discard(attempts=3, backoff=0))
    failing(2)

    outcome = await world.done(1)

    assert (world.host.waits, outcome.changes) == ([], {"runs": pack(1)})


async def test_a_terminal_error_is_not_tried_again_not_even_inside_a_group() -> None:
    class Tasks(Entity, typename="test/tasks"):
        @handles(bool)
        async def split(self, message: bool) -> None:
            raise ExceptionGroup("of a TaskGroup", [ValueError("other"), TerminalError("no use")])

    (failure,) = (await World(Tasks, on_failure=LETTERS).done(True)).failures

    assert (failure.attempts, str(failure.error)) == (1, "of a TaskGroup (2 sub-exceptions)")


async def test_bytes_that_can_not_be_read_are_given_up_at_once_in_the_words_of_their_type() -> None:
    (failure,) = (await World(Counter, on_failure=LETTERS).done(_malformed_long())).failures

    assert failure.attempts == 1
    assert text_of(failure.error) == (
        "MessageDecodeError: a message of type io.statefun.types/long can't be read: "
        "malformed protobuf: it ends in the middle of a field"
    )


def _malformed_long() -> object:
    return pack(1).__class__("io.statefun.types/long", b"\x09\x01")
