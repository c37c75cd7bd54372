"""Dead letters that an operator discards are in the history of their entities, within its bounds."""

from __future__ import annotations

from statefun_actors import Address, Entity, TerminalError, handles
from statefun_actors.admin import view_conversation, view_history
from statefun_actors.engine import EngineOptions
from statefun_actors.history import (
    KEEP,
    Kind,
    Place,
    Recorder,
    append_steps,
    discarded_step,
    read_entries,
)
from statefun_actors.store import Commit, DeadLetterEntry, MemoryStore, Message
from statefun_actors.types import pack
from tests.engine.engines import running, send
from tests.engine.recorded import commit, read_addresses, read_gaps, steps


class Picky(Entity, typename="discards/picky"):
    @handles(int)
    def refuse(self, message: int) -> None:
        raise TerminalError(f"not {message}")


A = Picky.at("a")


def letters(count: int, *, characters: int = 1) -> list[DeadLetterEntry]:
    """Dead letters of as many entities."""
    value = pack("x" * characters)
    return [
        DeadLetterEntry(seq, Message(seq, Picky.at(f"{seq}"), value), "ValueError", "no", 3, 1)
        for seq in range(1, count + 1)
    ]


async def test_a_discarded_dead_letter_is_recorded_with_its_message_and_error() -> None:
    store = MemoryStore()
    async with running(Picky, store=store, options=EngineOptions(history=100)) as engine:
        send(engine, A, pack(3))
        await engine.settled()
        [letter] = engine.view.dead_letters()
        await engine.apply(lambda: engine.changes.discard_dead_letter(letter.seq))

    discarded, given_up = view_history(store, A)
    assert (discarded.kind, discarded.value, discarded.outcome) == ("dead letter discarded", 3, "discarded")
    assert (discarded.error_type, discarded.error, discarded.attempts) == ("TerminalError", "not 3", 1)
    assert (given_up.kind, given_up.seq, given_up.outcome) == ("message", discarded.seq, "dead letter")
    assert list(store.dead_letters()) == []


async def test_a_conversation_has_the_message_once() -> None:
    store = MemoryStore()
    async with running(Picky, store=store, options=EngineOptions(history=100)) as engine:
        send(engine, A, pack(3))
        await engine.settled()
        [letter] = engine.view.dead_letters()
        await engine.apply(lambda: engine.changes.discard_dead_letter(letter.seq))

    (discarded, _), (given_up, _) = read_entries(store, [A])
    found = view_conversation(store, A, given_up, 0, seconds=60)
    assert found is not None
    assert [arrow.handled.outcome for arrow in found.arrows if arrow.handled is not None] == ["dead letter"]
    assert view_conversation(store, A, Place(discarded.row, discarded.at), 0, seconds=60) is None


async def test_under_load_it_is_recorded() -> None:
    store = MemoryStore()
    recorder = Recorder(store, 100, lambda: 5)
    recorder.share = 1.0
    discarded = [discarded_step(letter, 5) for letter in letters(2)]
    await commit(store, recorder, [*steps(10), *discarded], full=True)

    assert [gap.count for gap in read_gaps(store)] == [10]
    assert [entry.kind for n in "12" for _, entry in read_entries(store, [Picky.at(n)])] == [Kind.DISCARDED] * 2


async def test_too_many_in_one_epoch_are_bounded_and_a_gap_says_so() -> None:
    store = MemoryStore()
    found = [discarded_step(letter, 5) for letter in letters(1_500, characters=8_000)]
    await commit(store, Recorder(store, 100, lambda: 5), found)

    recorded = read_addresses(store, found)
    assert 1_000 < len(recorded) == len(set(recorded)) < 1_050
    assert [gap.count for gap in read_gaps(store)] == [1_500 - len(recorded)]


async def test_without_an_engine_they_are_bounded_too() -> None:
    store = MemoryStore()
    found = [discarded_step(letter, 5) for letter in letters(700, characters=8_000)]
    assert append_steps(store, found) == []
    await store.commit(Commit(positions={KEEP: "100"}))
    assert append_steps(store, []) == []
    await store.commit(Commit(history=append_steps(store, found)))

    recorded = read_addresses(store, found)
    assert 500 < len(recorded) < 530
    assert recorded == [step.address for step in found][-len(recorded) :]
    assert [gap.count for gap in read_gaps(store)] == [700 - len(recorded)]
    assert [Address(entry.type, entry.id) for _, entry in read_entries(store, [recorded[0]])] == recorded[:1]
    assert list(read_entries(store, [found[-len(recorded) - 1].address])) == []
