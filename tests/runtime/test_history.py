"""``history()`` of runtimes: what happened to an entity, as Python values."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import (
    Address,
    AsyncRuntime,
    DeadLetter,
    DefinitionError,
    Entity,
    NotServedError,
    Runtime,
    handles,
    persisted,
)
from statefun_actors.history import KEEP, Kind, Recorder, Step, type_address
from statefun_actors.store import Commit
from statefun_actors.store.sqlite import SqliteStore
from tests.engine.recorded import commit, record_with_gap, steps


class Counter(Entity, typename="runtime/history"):
    total: int = persisted(default=0, name="sum")

    @handles(int, on_failure=DeadLetter("runtime/dead", attempts=2, backoff=0))
    def add(self, message: int) -> int:
        if message < 0:
            raise ValueError(f"{message} is negative")
        self.total += message
        return self.total


ADA = Counter.at("ada")


async def test_entries_are_the_newest_first_with_python_values(tmp_path: Path) -> None:
    async with AsyncRuntime(Counter, store=tmp_path / "store.db", history=2) as runtime:
        for number in (1, 2, -3, 4):
            await runtime.ask(ADA, number) if number > 0 else await runtime.tell(ADA, number)
        new, old = runtime.history(ADA)
        same = runtime.history(Counter, "ada")

    assert (new.kind, new.message, new.before, new.after) == ("message", 4, {"total": 3}, {"total": 7})
    assert (new.outcome, new.attempts, new.error, new.together) == ("handled", 1, "", 1)
    assert new.duration > timedelta(0)
    assert (old.message, old.outcome, old.attempts) == (-3, "dead letter", 2)
    assert old.error == "ValueError: -3 is negative"
    assert new.time >= old.time
    assert same == [new, old]


def test_a_blocking_runtime_has_it_too_and_by_default_nothing_is_recorded() -> None:
    with Runtime(Counter) as off, Runtime(Counter, history=5) as on:
        for runtime in (off, on):
            assert runtime.ask(ADA, 1) == 1
        assert off.history(ADA) == []
        assert [entry.message for entry in on.history("runtime/history", "ada")] == [1]


async def test_what_nothing_serves_has_none() -> None:
    async with AsyncRuntime(Counter, history=5) as runtime:
        with pytest.raises(NotServedError):
            runtime.history(Address("runtime/other", "x"))


async def test_a_gap_is_an_entry_and_does_not_count_as_one_that_is_kept(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    await record_with_gap(store, ADA, older=5, newer=2, keep=4)
    store.close()
    async with AsyncRuntime(Counter, store=tmp_path / "store.db", history=4) as runtime:
        found = runtime.history(ADA)

    assert [(each.kind, each.message) for each in found] == [
        ("message", 7),
        ("message", 6),
        ("not recorded", None),
        ("message", 5),
        ("message", 4),
    ]
    gap = found[2]
    assert gap.until is not None
    assert (gap.messages, gap.time.timestamp(), gap.until.timestamp()) == (1_234, 2.0, 2.0)
    assert (found[0].messages, found[0].until) == (0, None)


async def test_a_pause_of_the_type_is_an_entry(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    paused = Step(type_address(ADA.typename), 2_000, Kind.PAUSED)
    await commit(store, Recorder(store, 100, lambda: 1), [*steps(1, entity=ADA, at_ms=1_000), paused])
    await store.commit(Commit(positions={KEEP: "4"}))
    store.close()
    async with AsyncRuntime(Counter, store=tmp_path / "store.db", history=4) as runtime:
        found = runtime.history(ADA)

    assert [(each.kind, each.message, each.time.timestamp()) for each in found] == [
        ("type paused", None, 2.0),
        ("message", 1, 1.0),
    ]


async def test_an_id_is_expected() -> None:
    async with AsyncRuntime(Counter, history=5) as runtime:
        for of, name in ((Counter, "Counter"), ("runtime/history", "'runtime/history'")):
            with pytest.raises(TypeError) as refused:
                runtime.history(of)  # type: ignore[call-overload] # that is what is tested
            assert str(refused.value) == (f'history({name}, ...) expects an id, got none: write history({name}, "ada")')


@pytest.mark.parametrize("history", [-1, True, 1.5, "100", 1_000_001])
def test_history_is_a_number_of_messages(history: object) -> None:
    with pytest.raises(DefinitionError) as refused:
        AsyncRuntime(Counter, history=history)  # type: ignore[arg-type]
    assert str(refused.value) == (
        f"a runtime: expected a history= of 0 (nothing is recorded) to 1,000,000 messages, got {history!r}"
    )
