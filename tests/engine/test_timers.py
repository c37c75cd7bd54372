"""Timers compared with a plain list, through any sequence of operations."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.engine import timers
from statefun_actors.engine.epoch import Epoch
from statefun_actors.model import TypedValue
from statefun_actors.store import Commit, MemoryStore, Timer

OWNERS = [Address("test/owner", name) for name in "abc"]
VALUE = TypedValue("io.statefun.types/long", b"12345678")

add = st.tuples(st.just("add"), st.sampled_from([1, 2, 5, 30]), st.sampled_from(OWNERS), st.sampled_from([None, "t"]))
cancel = st.tuples(st.just("cancel"), st.sampled_from(OWNERS), st.just("t"))
fire = st.tuples(st.just("fire"), st.integers(0, 4))
rest = st.sampled_from([("seal",), ("write",), ("make_durable",), ("commit",), ("restart",)])


class World:
    """Timers over a store, and the list of their expected contents."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.timers = timers.Timers(self.store)
        self.open = Epoch(1)
        self.sealed: Epoch | None = None
        self.written = False
        self.pending: list[Timer] = []
        self.durable: list[Timer] = []
        self.at_seal: list[Timer] = []
        self.seq = 0
        self.now = 0

    def add(self, delay: int, owner: Address, token: str | None) -> None:
        self.seq += 1
        timer = Timer(self.seq, self.now + delay, owner, VALUE, owner, token)
        self.timers.add(timer, self.open)
        if token is not None:
            self.pending = [other for other in self.pending if (other.caller, other.token) != (owner, token)]
        self.pending.append(timer)

    def cancel(self, owner: Address, token: str) -> None:
        found = self.timers.cancel(owner, token, self.open)
        left = [other for other in self.pending if (other.caller, other.token) != (owner, token)]
        assert found == (len(left) < len(self.pending))
        self.pending = left

    def fire(self, ahead: int) -> None:
        self.now += ahead
        fired = [timer.seq for timer in self.timers.take_due(self.now, self.open)]
        due = sorted((t.due_ms, t.seq) for t in self.pending if t.due_ms <= self.now)
        assert fired == [seq for _, seq in due]
        self.pending = [timer for timer in self.pending if timer.due_ms > self.now]
        assert self.timers.next_due() == min((timer.due_ms for timer in self.pending), default=None)

    def seal(self) -> None:
        if self.sealed is None:
            self.sealed, self.open = self.open, Epoch(self.open.number + 1)
            self.at_seal = list(self.pending)

    def write(self) -> None:
        """The store has the sealed epoch; the timers don't know yet."""
        if self.sealed is not None and not self.written:
            commit = Commit(timers=list(self.sealed.timers.values()), timers_done=self.sealed.timers_done)
            with contextlib.suppress(StopIteration):
                self.store.commit(commit).send(None)
            self.durable, self.written = self.at_seal, True

    def make_durable(self) -> None:
        self.write()
        if self.sealed is not None:
            self.timers.durable(self.sealed)
            self.sealed, self.written = None, False

    def commit(self) -> None:
        self.make_durable()
        self.seal()
        self.make_durable()

    def restart(self) -> None:
        self.timers, self.open, self.sealed = timers.Timers(self.store), Epoch(1), None
        self.written = False
        self.pending = list(self.durable)


@pytest.mark.parametrize(
    ("chunk", "most", "chunk_bytes", "most_bytes"),
    [
        (1, 2, 10**9, 10**9),
        (2, 6, 10**9, 10**9),
        (1_000, 20_000, 1, 1),
        (1_000, 20_000, 70, 150),
        (1_000, 20_000, 10**9, 10**9),
    ],
)
@given(steps=st.lists(st.one_of(add, add, cancel, fire, rest), min_size=10, max_size=40))
def test_timers_do_what_a_list_of_them_would_do(
    chunk: int, most: int, chunk_bytes: int, most_bytes: int, steps: list[tuple[object, ...]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timers, "_CHUNK", chunk)
        patch.setattr(timers, "_MOST", most)
        patch.setattr(timers, "CHUNK_BYTES", chunk_bytes)
        patch.setattr(timers, "_MOST_BYTES", most_bytes)
        world = World()
        for name, *arguments in steps:
            getattr(world, str(name))(*arguments)
        world.fire(100)

        assert world.pending == []


def test_fifty_thousand_pending_timers_are_mostly_in_the_store() -> None:
    store = MemoryStore()
    many = timers.Timers(store)
    epoch = Epoch(1)
    many.next_due()
    for seq in range(50_000):
        many.add(Timer(seq, seq, OWNERS[0], VALUE, OWNERS[0], f"t{seq}"), epoch)
    asyncio.run(store.commit(Commit(timers=list(epoch.timers.values()))))
    many.durable(epoch)
    held = len(many._near)
    tokens = len(many._tokens)
    fired = [timer.seq for timer in many.take_due(50_000, Epoch(2))]

    assert held <= 20_000
    assert tokens <= 20_000
    assert fired == list(range(50_000))


def test_large_pending_timers_are_mostly_in_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "_MOST_BYTES", 100_000)
    monkeypatch.setattr(timers, "CHUNK_BYTES", 30_000)
    store, epoch, large = MemoryStore(), Epoch(1), TypedValue("io.statefun.types/string", b"x" * 10_000)
    many = timers.Timers(store)
    many.next_due()
    for seq in range(50):
        many.add(Timer(seq, seq, OWNERS[0], large, OWNERS[0], f"t{seq}"), epoch)
    asyncio.run(store.commit(Commit(timers=list(epoch.timers.values()))))
    many.durable(epoch)
    held = [len(many._near), len(many._tokens)]
    many = timers.Timers(store)
    many.next_due()
    held += [len(many._near), len(many._tokens)]
    most, fired = 0, list[int]()
    for timer in many.take_due(50, Epoch(2)):
        fired.append(timer.seq)
        most = max(most, len(many._near))

    assert held == [4, 4, 3, 3]
    assert most <= 10
    assert fired == list(range(50))
    assert many._bytes == 0


def test_cancelled_timers_that_are_far_away_leave_the_memory() -> None:
    pending, epoch, owner = timers.Timers(MemoryStore()), Epoch(1), OWNERS[0]
    assert pending.next_due() is None  # the store has none, so all count as near

    for seq in range(1, 20_001):
        pending.add(Timer(seq, 10**15 + seq, owner, VALUE, owner, "t"), epoch)
    kept = Timer(20_001, 10**15, owner, VALUE, owner, "kept")
    pending.add(kept, epoch)

    assert len(pending._heap) < 5_000
    assert pending.next_due() == kept.due_ms
