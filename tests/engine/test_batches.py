"""Which messages run together, and in which order: after a failure, with many addresses, and in a bounded epoch.

All messages of a batch are handled by one instance, so the instances tell which messages ran together.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import ClassVar

import pytest

from statefun_actors import Address, Entity, TerminalError, handles, persisted
from statefun_actors.engine import Engine, EngineOptions, ManualClock
from statefun_actors.model import Batch
from statefun_actors.store import Commit, MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, held, running, send, until


class Notes(Entity, typename="test/notes"):
    """Keeps its messages in order. Fails on ``ill`` ones, and discards a 0."""

    runs: ClassVar[list[tuple[Batch, str, int]]] = []
    ill: ClassVar[set[int]] = set()
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        assert self.__scope__ is not None
        Notes.runs.append((self.__scope__.batch, self.id, message))
        if message in Notes.ill:
            raise ValueError(f"{message} is ill")
        if message == 0:
            raise TerminalError("zero")
        self.seen.append(message)


class Bell(Entity, typename="test/bell"):
    """Rings once for each message, an hour later, and notes how many messages waited then."""

    engine: ClassVar[Engine]
    waiting: ClassVar[list[int]]
    rings: int = persisted(default=0)

    @handles(int)
    def set(self, message: int) -> None:
        self.send_after(timedelta(hours=1), Bell.at("tower"), "ring")

    @handles(str)
    def ring(self, message: str) -> None:
        self.rings += 1
        Bell.waiting.append(Bell.engine.view.waiting)


A, B = Notes.at("a"), Notes.at("b")


@pytest.fixture(autouse=True)
def begun_anew() -> Iterator[None]:
    Notes.runs, Notes.ill = [], set()
    yield
    Notes.runs, Notes.ill = [], set()


def batches(address: Address) -> list[list[int]]:
    """The messages of each batch of *address* so far, as far as its handlers came."""
    runs = [(batch, message) for batch, id, message in Notes.runs if id == address.id]
    return [[message for _, message in batch] for _, batch in groupby(runs, key=lambda run: id(run[0]))]


async def test_messages_that_wait_together_run_together() -> None:
    async with running(Notes) as engine:
        for message in (1, 2, 3):
            send(engine, A, pack(message))
        await engine.settled()

        assert batches(A) == [[1, 2, 3]]


async def test_a_failed_batch_runs_again_message_by_message_and_later_ones_run_together_again() -> None:
    clock = ManualClock()
    async with running(Notes, clock=clock) as engine:
        Notes.ill = {13}
        for message in (1, 2, 13, 4, 5):
            send(engine, A, pack(message))
        await engine.settled()
        until_failure = batches(A)
        Notes.ill = set()
        clock.set_ms(clock.now_ms() + 100)
        await engine.settled()
        after = batches(A)[len(until_failure) :]
        for message in (6, 7, 8):
            send(engine, A, pack(message))
        await engine.settled()

        assert until_failure == [[1, 2, 13], [1], [2], [13]]
        assert after == [[13], [4], [5]]
        assert batches(A)[len(until_failure) + len(after) :] == [[6, 7, 8]]
        assert held(engine, A, "seen") == [1, 2, 13, 4, 5, 6, 7, 8]


async def test_a_message_that_was_dropped_leaves_nothing_behind_for_other_addresses() -> None:
    async with running(Notes) as engine:
        Notes.ill = {13}
        send(engine, A, pack(13))
        await engine.settled()
        engine.changes.drop_failing(A, discard=True)
        await engine.settled()
        for message in (1, 2, 3):
            send(engine, B, pack(message))
        await engine.settled()
        Notes.ill = {4}
        send(engine, B, pack(4))
        await engine.settled()

        assert batches(B) == [[1, 2, 3], [4]]
        assert [message.attempts for message in engine.view.failing_messages()] == [1]


async def test_a_success_resets_the_count_of_failures() -> None:
    clock = ManualClock()
    async with running(Notes, clock=clock) as engine:
        Notes.ill = {1}
        send(engine, A, pack(1))
        await engine.settled()
        clock.set_ms(clock.now_ms() + 100)
        await engine.settled()
        [before] = engine.view.failing_messages()
        Notes.ill = {2}
        send(engine, A, pack(2))
        clock.set_ms(clock.now_ms() + 200)
        await engine.settled()
        [after] = engine.view.failing_messages()
        send(engine, B, pack(0))
        engine.changes.drop_failing(A)
        await engine.idle()

        assert (before.attempts, after.attempts) == (2, 1)
        assert after.next_ms == clock.now_ms() + 100
        assert sorted((letter.message.target.id, letter.attempts) for letter in engine.view.dead_letters()) == [
            ("a", 1),
            ("b", 1),
        ]


@pytest.mark.parametrize("epoch_steps", [1, 2, 3, 100])
async def test_addresses_run_in_the_order_of_their_messages_however_little_an_epoch_takes(epoch_steps: int) -> None:
    ids = ["e", "a", "d", "b", "c", "f", "g"]
    async with running(Notes, options=EngineOptions(epoch_steps=epoch_steps)) as engine:
        for id in ids:
            send(engine, Notes.at(id), pack(1))
        await engine.settled()

        assert [id for _, id, _ in Notes.runs] == ids


class Recording(MemoryStore):
    """Counts the entities of each commit."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[int] = []

    async def commit(self, commit: Commit) -> None:
        self.written.append(len(commit.entities))
        await super().commit(commit)


async def test_a_commit_takes_no_more_messages_than_its_bound_however_many_can_run() -> None:
    store = Recording()
    async with running(Notes, store=store, options=EngineOptions(epoch_steps=10)) as engine:
        for number in range(95):
            send(engine, Notes.at(f"{number}"), pack(number + 1))
        await engine.idle()

    assert [count for count in store.written if count] == [*[10] * 9, 5]


async def test_delayed_messages_that_are_due_together_do_not_fill_the_memory() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(Bell, store=store, clock=clock) as engine:
        for _ in range(35):
            send(engine, Bell.at("b"), pack(1))
        await engine.settled()
        clock.set_ms(clock.now_ms() + 3_600_000)
    async with running(Bell, store=store, clock=clock, options=EngineOptions(waiting=10, batch=1)) as engine:
        Bell.waiting, Bell.engine = [], engine
        await engine.settled()

        assert held(engine, Bell.at("tower"), "rings") == len(Bell.waiting) == 35
        assert max(Bell.waiting) == 10


async def test_a_failed_address_is_tried_again_in_its_turn_and_not_before_its_time() -> None:
    clock = ManualClock()
    async with running(Notes, clock=clock) as engine:
        Notes.ill = {13}
        send(engine, A, pack(13))
        await engine.settled()
        for message in (1, 2):
            send(engine, A, pack(message))
        send(engine, B, pack(3))
        await engine.settled()
        before = list(batches(A))
        clock.set_ms(clock.now_ms() + 99)
        send(engine, A, pack(4))
        await engine.settled()

        assert (before, batches(A), batches(B)) == ([[13]], [[13]], [[3]])
        clock.set_ms(clock.now_ms() + 1)
        await engine.settled()
        assert batches(A) == [[13], [13]]


async def test_messages_delayed_by_a_commit_run_in_one_batch() -> None:
    store = HeldStore()
    async with running(Notes, store=store, options=EngineOptions(epoch_steps=1)) as engine:
        store.let_go.clear()
        send(engine, A, pack(1))
        await until(lambda: store.begun == 1)
        for message in (2, 3, 4):
            send(engine, A, pack(message))
        await until(lambda: len(Notes.runs) == 4)
        store.let_go.set()
        await engine.idle()

        assert batches(A) == [[1], [2, 3, 4]]
        assert held(engine, A, "seen") == [1, 2, 3, 4]
