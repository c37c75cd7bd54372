"""A clock that jumps, and times to live that change between two runs."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import ManualClock
from statefun_actors.store import Commit, MemoryStore, unpack
from statefun_actors.types import pack
from tests.engine.engines import held, running, send

SECOND, MINUTE, HOUR, YEAR = 1_000, 60_000, 3_600_000, 365 * 24 * 3_600_000


class Log(Entity, typename="test/log"):
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        self.seen.append(message)


class Sick(Entity, typename="test/sick"):
    cured: ClassVar[bool] = False
    n: int = persisted(default=0)

    @handles(int)
    def fail(self, message: int) -> None:
        if not Sick.cured:
            raise ValueError("sick")
        self.n += message


def fading(ttl: timedelta | None = None) -> type[Entity]:
    class Fading(Entity, typename="test/fading"):
        text: str | None = persisted(default=None, expire_after_write=ttl)

        @handles(str)
        def write(self, message: str) -> None:
            self.text = message

    return Fading


TEN_SECONDS = fading(timedelta(seconds=10))


def move(clock: ManualClock, by_ms: int) -> None:
    clock.set_ms(clock.now_ms() + by_ms)


async def test_delayed_messages_wait_for_a_clock_that_was_set_back_and_come_once() -> None:
    clock = ManualClock()
    async with running(Log, clock=clock) as engine:
        for seconds in (20, 10):
            send(engine, Log.at("a"), pack(seconds), delay_ms=seconds * SECOND)
        seen = []
        for by_ms in (15 * SECOND, -HOUR, 30 * MINUTE, HOUR, -YEAR, YEAR):
            move(clock, by_ms)
            await engine.idle()
            seen.append(held(engine, Log.at("a"), "seen"))

        assert seen == [[10], [10], [10], [10, 20], [10, 20], [10, 20]]


@pytest.mark.parametrize("jump", [-YEAR, YEAR])
async def test_a_failing_message_is_tried_again_within_a_minute_of_any_jump(jump: int) -> None:
    Sick.cured, clock = False, ManualClock()
    async with running(Sick, clock=clock) as engine:
        send(engine, Sick.at("a"), pack(1))
        await engine.settled()
        Sick.cured = True
        move(clock, jump)
        await engine.settled()
        move(clock, MINUTE)
        await engine.idle()

        assert held(engine, Sick.at("a"), "n") == 1


async def test_the_next_due_time_is_the_earliest_of_timers_and_retries() -> None:
    Sick.cured, clock = False, ManualClock()
    async with running(Sick, Log, clock=clock) as engine:
        now = clock.now_ms()
        send(engine, Log.at("a"), pack(1), delay_ms=MINUTE)
        await engine.settled()
        first = engine.view.next_due()
        send(engine, Sick.at("a"), pack(1))
        await engine.settled()

        assert (first, engine.view.next_due()) == (now + MINUTE, now + 100)


async def test_expired_rows_leave_the_store_after_the_clock_was_set_back() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(TEN_SECONDS, store=store, clock=clock) as engine:
        await engine.idle()  # the next look at what has expired is planned
        move(clock, -YEAR)
        send(engine, TEN_SECONDS.at("x"), pack("v"))
        await engine.idle()
        there = store.counts().get("test/fading")
        for _ in range(2):
            move(clock, MINUTE + SECOND)
            await engine.idle()

        assert there == 1
        assert "test/fading" not in store.counts()


@pytest.mark.parametrize("now", [fading(), fading(timedelta(days=1))])
async def test_rows_are_kept_for_the_longer_time_of_a_newer_class(
    now: type[Entity],
) -> None:
    store, clock = MemoryStore(), ManualClock()
    another = persisting_another()
    async with running(TEN_SECONDS, store=store, clock=clock) as engine:
        send(engine, TEN_SECONDS.at("x"), pack("v"))
        await engine.idle()
    move(clock, HOUR)
    async with running(now, another, store=store, clock=clock) as engine:
        await engine.idle()
        text = held(engine, now.at("x"), "text")
        move(clock, 48 * HOUR)
        await engine.idle()
        later = held(engine, now.at("x"), "text")

    assert text == "v"
    forever = later == "v"
    assert forever == (store.counts().get("test/fading") == 1)
    assert forever == (not now.__function_type__.states[0].ttl_ms)


def persisting_another() -> type[Entity]:
    """Makes the engine search for expired states."""

    class Another(Entity, typename="test/another"):
        text: str | None = persisted(default=None, expire_after_call=timedelta(seconds=1))

    return Another


class Commits(MemoryStore):
    """Notes how many delayed messages each commit has delivered."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered: list[int] = []

    async def commit(self, commit: Commit) -> None:
        self.delivered.append(len(commit.timers_done))
        await super().commit(commit)


async def test_of_large_delayed_messages_that_are_due_together_few_are_delivered_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("statefun_actors.engine.working_set.CHUNK_BYTES", 15_000)
    store, clock = Commits(), ManualClock()
    async with running(TEN_SECONDS, store=store, clock=clock) as engine:
        for number in range(5):
            send(engine, TEN_SECONDS.at(f"{number}"), pack("x" * 10_000), delay_ms=1_000)
        await engine.idle()
        store.delivered.clear()
        move(clock, 1_000)
        await engine.idle()

        assert [held(engine, TEN_SECONDS.at(f"{number}"), "text") for number in range(5)] == ["x" * 10_000] * 5
        assert [count for count in store.delivered if count] == [2, 2, 1]


async def test_a_row_whose_states_had_no_end_when_it_was_written_goes_once_it_is_written_again() -> None:
    store, clock, forever = MemoryStore(), ManualClock(), fading()
    async with running(forever, store=store, clock=clock) as engine:
        send(engine, forever.at("x"), pack("v"))
        await engine.idle()
    async with running(TEN_SECONDS, store=store, clock=clock) as engine:
        move(clock, HOUR)
        read = held(engine, TEN_SECONDS.at("x"), "text")
        send(engine, TEN_SECONDS.at("x"), pack("w"))
        await engine.idle()
        move(clock, HOUR)
        await engine.idle()

    assert read is None
    assert "test/fading" not in store.counts()


async def test_a_deleted_state_leaves_no_time_of_writing_in_the_store() -> None:
    class Notes(Entity, typename="test/notes"):
        text: str | None = persisted(default=None, expire_after_write=timedelta(days=1))
        kept: int = persisted(default=0)

        @handles(str)
        def write(self, message: str) -> None:
            self.kept += 1
            self.text = message or None

    store = MemoryStore()
    times: list[list[str]] = []
    async with running(Notes, store=store) as engine:
        for text in ("first", "", "second"):
            send(engine, Notes.at("n"), pack(text))
            await engine.idle()
            [packed] = store.load([Notes.at("n")])
            times.append(sorted(unpack(Notes.at("n"), packed, ()).written_ms))

    assert times == [["kept", "text"], ["kept"], ["kept", "text"]]
