"""Messages that keep failing without a policy: their attempts, their views, and operator actions."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import ClassVar

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import Engine, FailingMessage, ManualClock, NotFailingError
from statefun_actors.ingress import Answer, GivenUp, IngressMessage, Wait
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import HeldStore, held, running, send, until


class Flaky(Entity, typename="test/flaky"):
    """Fails on negative numbers until the test repairs it."""

    runs: ClassVar[list[int]] = []
    cured: ClassVar[bool] = False
    total: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        Flaky.runs.append(message)
        self.total += message
        if message < 0 and not Flaky.cured:
            raise ValueError(f"{message} is negative")


A, B = Flaky.at("a"), Flaky.at("b")


@pytest.fixture(autouse=True)
def _begin_anew() -> None:
    Flaky.runs.clear()
    Flaky.cured = False


async def pass_backoffs(engine: Engine, clock: ManualClock, times: int) -> None:
    for _ in range(times):
        due = engine.view.next_due()
        assert due is not None
        clock.set_ms(due)
        await engine.settled()


@pytest.mark.parametrize(
    ("messages", "tried_alone"),
    [([-1], True), ([-1, 1], True), ([-1, 1, 2, 3], True), ([1, -1], False), ([1, 2, -1, 3], False)],
)
async def test_each_run_of_a_failing_message_counts_once(messages: list[int], tried_alone: bool) -> None:
    clock = ManualClock()
    async with running(Flaky, clock=clock) as engine:
        for message in messages:
            send(engine, A, pack(message))
        await engine.settled()
        first = Flaky.runs.count(-1)
        await pass_backoffs(engine, clock, 5)
        [failing] = engine.view.failing_messages()

        assert first == (1 if tried_alone else 2)
        assert failing.attempts == Flaky.runs.count(-1) == first + 5
        assert Flaky.runs.count(3) == 0
        assert failing.behind == len(messages) - messages.index(-1) - 1
        Flaky.cured = True
        await pass_backoffs(engine, clock, 1)
        await engine.idle()
        assert held(engine, A, "total") == sum(messages)


class Picky(Entity, typename="test/picky"):
    """Fails on numbers that are not allowed."""

    allowed: ClassVar[set[int]] = set()

    @handles
    def take(self, message: int) -> None:
        if message not in Picky.allowed:
            raise ValueError(f"{message} is not allowed")


async def test_attempts_and_backoff_of_the_next_message_are_reset() -> None:
    Picky.allowed.clear()
    clock = ManualClock()
    async with running(Picky, clock=clock) as engine:
        for message in (1, 2):
            send(engine, Picky.at("p"), pack(message))
        await engine.settled()
        await pass_backoffs(engine, clock, 3)
        Picky.allowed.add(1)
        await pass_backoffs(engine, clock, 1)
        [failing] = engine.view.failing_messages()

        assert (value_of(failing.message.value), failing.attempts) == (2, 1)
        assert failing.next_ms == clock.now_ms() + 100


async def test_the_report_of_a_failing_message() -> None:
    clock = ManualClock()
    async with running(Flaky, clock=clock) as engine:
        for message in (-1, 1, 2):
            send(engine, A, pack(message))
        await engine.settled()
        since_ms = clock.now_ms()
        await pass_backoffs(engine, clock, 2)
        [failing] = engine.view.failing_messages()

        assert failing == FailingMessage(
            failing.message, 3, "ValueError", "-1 is negative", clock.now_ms() + 400, 2, since_ms=since_ms
        )
        assert since_ms < clock.now_ms()
        assert (failing.message.target, value_of(failing.message.value)) == (A, -1)
        assert (
            engine.failing(A)
            == failing.describe(clock.now_ms())
            == (
                "the first message of test/flaky/a has failed 3 times, last with ValueError: -1 is negative; "
                "next attempt in 0.4 s; 2 more wait behind it"
            )
        )
        assert engine.failing(B) is None
        assert engine.notices() == [failing.describe(clock.now_ms())]


async def test_a_retry_does_not_wait_for_the_end_of_the_backoff() -> None:
    clock = ManualClock()
    async with running(Flaky, clock=clock) as engine:
        for message in (-1, 1):
            send(engine, A, pack(message))
        await engine.settled()
        engine.changes.retry_failing(A)
        await engine.settled()
        assert [failing.attempts for failing in engine.view.failing_messages()] == [2]
        Flaky.cured = True
        engine.changes.retry_failing(A)
        await engine.idle()

        assert held(engine, A, "total") == 0
        assert engine.view.failing_messages() == []
        clock.set_ms(clock.now_ms() + 100_000)  # the backoffs that were cut short lead to nothing
        await engine.idle()
        assert Flaky.runs == [-1, -1, -1, 1]


@pytest.mark.parametrize("discard", [False, True])
async def test_a_dropped_message_is_a_dead_letter_or_gone_and_those_behind_it_go_on(discard: bool) -> None:
    store, answers = MemoryStore(), list[Answer]()
    async with running(Flaky, store=store) as engine:
        engine.take(IngressMessage(A, pack(-1), wait=Wait.HANDLED), answers.append)
        send(engine, A, pack(5))
        send(engine, A, pack(6))
        await engine.settled()
        engine.changes.drop_failing(A, discard=discard)
        await engine.durable()
        await engine.idle()

        assert held(engine, A, "total") == 11
        assert answers == [GivenUp("ValueError: -1 is negative")]
        letters = [(entry.message.value, entry.error, entry.attempts) for entry in store.dead_letters()]
        assert letters == ([] if discard else [(pack(-1), "-1 is negative", 1)])
        assert store.counts()["messages"] == 0


async def test_only_failing_messages_can_be_dropped_or_retried() -> None:
    async with running(Flaky) as engine:
        for attempt in (engine.changes.drop_failing, engine.changes.retry_failing):
            with pytest.raises(NotFailingError) as raised:
                attempt(A)

            assert str(raised.value) == (
                "test/flaky/a: none of its messages is failing. "
                "`statefun-actors failing` lists the messages that are failing."
            )


class Answered:
    """What an outside system has answered."""


class Calling(Entity, typename="test/calling"):
    """Fails with something of an outside system in its local variables."""

    answers: ClassVar[list[weakref.ref[Answered]]] = []

    @handles(int)
    def call(self, message: int) -> None:
        answer = Answered()
        Calling.answers.append(weakref.ref(answer))
        try:
            raise OSError("status 500")
        except OSError as error:
            raise ValueError("no answer") from error


async def test_a_failing_message_keeps_nothing_of_its_handler_in_memory(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "statefun_actors.engine")  # pytest keeps the errors of log records
    Calling.answers.clear()
    async with running(Calling) as engine:
        for number in range(3):
            send(engine, Calling.at(f"{number}"), pack(1))
        await engine.settled()
        gc.collect()

        assert [message.why for message in engine.view.failing_messages()] == ["ValueError: no answer"] * 3
        assert [answer() for answer in Calling.answers] == [None] * 3


async def test_it_is_not_ready_while_the_store_fails_and_ready_again_without_a_message() -> None:
    store = HeldStore()
    async with running(Flaky, store=store) as engine:
        assert engine.unready() is None
        store.fail = True
        send(engine, A, pack(1))
        await until(engine.unready)
        assert engine.unready() == "store test: the disk is full"
        store.fail = False
        await until(lambda: engine.unready() is None)


async def test_of_a_message_that_keeps_failing_only_the_first_failure_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    async with running(Flaky, clock=clock) as engine:
        send(engine, A, pack(-1))
        await engine.settled()
        await pass_backoffs(engine, clock, 2)

    found = [(record.getMessage(), record.exc_info is not None) for record in caplog.records]
    said = "test/flaky/a: attempt {} of a message of type io.statefun.types/long failed, the next in {} s: "
    error = "ValueError: -1 is negative"
    assert found == [
        (said.format(1, 0.1) + error, True),
        (said.format(2, 0.2) + error, False),
        (said.format(3, 0.4) + error, False),
    ]
