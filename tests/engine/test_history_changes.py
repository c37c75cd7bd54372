"""Changes by operators without messages are in the history, however many are made together."""

from __future__ import annotations

from statefun_actors import Address
from statefun_actors.history import KEEP, Kind, Recorder, Step, append_steps, read_entries
from statefun_actors.history.recorder import MOST_BYTES
from statefun_actors.history.step import LARGEST_EPOCH
from statefun_actors.store import Commit, MemoryStore
from tests.engine.recorded import E, commit, read_gaps, steps

COUNT = 60_000
PAUSED = [Step(Address("t/e", f"{number:0100}"), 1, Kind.PAUSED) for number in range(COUNT)]
"""More than 4 MiB of them, and less than 8."""
SAMPLE = [PAUSED[at].address for at in (0, -1)]


def kinds(store: MemoryStore, address: Address) -> list[int]:
    return [entry.kind for _, entry in read_entries(store, [address])]


def rows_within_the_limit(store: MemoryStore) -> int:
    """The number of rows, each of which has at most as many entries as an epoch, and their keys."""
    sizes = store.history_sizes()
    assert max(size for _, size in sizes) < LARGEST_EPOCH * 1.2
    return len(sizes)


def under_load(store: MemoryStore, most_bytes: int = MOST_BYTES) -> Recorder:
    recorder = Recorder(store, 100, lambda: 1, most_bytes)
    recorder.share = 1.0
    return recorder


async def test_without_an_engine_all_are_recorded() -> None:
    store = MemoryStore()
    await store.commit(Commit(positions={KEEP: "100"}))
    await store.commit(Commit(history=append_steps(store, PAUSED)))

    assert [kinds(store, address) for address in SAMPLE] == [[Kind.PAUSED]] * len(SAMPLE)
    assert read_gaps(store) == []
    assert rows_within_the_limit(store) == 2


async def test_by_an_engine_under_load_all_are_recorded() -> None:
    store = MemoryStore()
    recorder = under_load(store)
    await commit(store, recorder, [*steps(1), *PAUSED, *steps(1, first=2)], full=True)
    await commit(store, recorder, steps(1, first=3))

    assert [kinds(store, address) for address in SAMPLE] == [[Kind.PAUSED]] * len(SAMPLE)
    assert [message.seq for _, entry in read_entries(store, [E]) for message in entry.messages] == [3]
    assert [gap.count for gap in read_gaps(store)] == [2]
    assert rows_within_the_limit(store) == 4


async def test_their_rows_count_when_the_oldest_rows_are_deleted() -> None:
    store = MemoryStore()
    recorder = under_load(store, most_bytes=LARGEST_EPOCH * 3 // 2)
    await commit(store, recorder, PAUSED, full=True)
    await commit(store, recorder, steps(1))

    assert kinds(store, PAUSED[0].address) == []
    assert kinds(store, PAUSED[-1].address) == [Kind.PAUSED]
    assert rows_within_the_limit(store) == 2
