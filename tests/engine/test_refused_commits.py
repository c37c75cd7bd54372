"""A store that refuses a change: the message that caused it is given up, and all others are handled."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.engine import ManualClock, NotStorableError
from statefun_actors.ingress import Answer, GivenUp, Replied, Taken, Wait
from statefun_actors.store import Commit, Message, Timer
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import held, running, send, until
from tests.engine.poison import GUILTY, TARGETS, WRITTEN, Counted, Refusing, given_up, letter
from tests.engine.refusing import RefusingStore

WAYS = ["state", "send", "later", "egress"]


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("way", WAYS)
async def test_the_caller_of_the_refused_message_gets_the_error_and_the_others_their_answers(
    refusing: Refusing, way: str, key: str | None
) -> None:
    answers: dict[Address, Answer] = {}
    store = refusing()
    async with running(Counted, store=store) as engine:
        for target in TARGETS:
            message = way if target == GUILTY else "ok"
            engine.take(letter(target, message, key=key), lambda answer, of=target: answers.__setitem__(of, answer))  # type: ignore[misc]
        await until(lambda: len(answers) == len(TARGETS))
        guilty = answers.pop(GUILTY)
        await engine.idle()

        assert answers == dict.fromkeys((t for t in TARGETS if t != GUILTY), Replied(pack(1)))
        [entry] = given_up(store)
        assert isinstance(guilty, GivenUp)
        assert guilty.reason == f"NotStorableError: {entry.error}"
        assert "there is poison in" in guilty.reason
        assert (entry.message.target, entry.message.value, entry.error_type) == (GUILTY, pack(way), "NotStorableError")
        assert [held(engine, target, "count") for target in TARGETS] == [1, 1, 1, None, 1, 1, 1, 1]
        assert engine.view.error is None
        assert engine.view.lost is None


async def test_several_guilty_messages_are_all_found(refusing: Refusing) -> None:
    store = refusing()
    answers: dict[int, Answer] = {}
    async with running(Counted, store=store) as engine:
        for number in range(40):
            message = WAYS[number % 4] if number % 3 == 0 else "ok"
            sent = letter(Counted.at(f"{number % 10}"), message)
            engine.take(sent, lambda answer, of=number: answers.__setitem__(of, answer))  # type: ignore[misc]
        await until(lambda: len(answers) == 40)

        assert {number for number, answer in answers.items() if isinstance(answer, GivenUp)} == {*range(0, 40, 3)}
        assert len(given_up(store)) == 14


async def test_handlers_that_wait_are_found_too(refusing: Refusing) -> None:
    store = refusing()
    answers: dict[int, Answer] = {}
    async with running(Counted, store=store) as engine:
        for number in range(12):
            sent = letter(Counted.at(f"{number}"), -1 if number in {2, 7} else 1)
            engine.take(sent, lambda answer, of=number: answers.__setitem__(of, answer))  # type: ignore[misc]
        await until(lambda: len(answers) == 12)

        assert {number for number, answer in answers.items() if isinstance(answer, GivenUp)} == {2, 7}
        assert all(answers[number] == Replied(pack(1)) for number in range(12) if number not in {2, 7})


@pytest.mark.parametrize("way", WAYS)
async def test_a_guilty_message_that_is_stored_is_found_after_a_restart(refusing: Refusing, way: str) -> None:
    store = refusing()
    messages = [Message(seq, target, pack(way if target == GUILTY else "ok")) for seq, target in enumerate(TARGETS, 1)]
    await store.commit(Commit(messages=messages, next_seq=20))
    for _ in range(2):
        async with running(Counted, store=store) as engine:
            await engine.idle()

            assert [entry.message.target for entry in given_up(store)] == [GUILTY]
            assert [held(engine, target, "count") for target in TARGETS] == [1, 1, 1, None, 1, 1, 1, 1]
    assert store.counts()["messages"] == 0


class Words:
    """A source of texts for :data:`TARGETS`, in turn."""

    def __init__(self, words: list[str]) -> None:
        self.words, self.at, self.exhausted = words, 0, False

    def resume(self, position: str | None) -> None:
        self.at, self.exhausted = int(position or 0), False

    def read(self, most: int, receiver: object) -> str | None:
        chunk = self.words[self.at : self.at + most]
        for word in chunk:
            receiver.submit(TARGETS[self.at % 8], pack(word))  # type: ignore[attr-defined]
            self.at += 1
        self.exhausted = not chunk
        return f"{self.at}" if chunk else None


@pytest.mark.parametrize("tables", [WRITTEN, ("message",)])
async def test_a_source_continues_after_a_message_that_cannot_be_stored(
    refusing: Refusing, tables: Collection[str]
) -> None:
    store = refusing(tables)
    words = ["ok"] * 24
    words[11] = "poison" if tables == ("message",) else "state"
    async with running(Counted, store=store, sources={"in": Words(words)}) as engine:
        await engine.idle()
        send(engine, Counted.at("9"), pack("ok"))
        await engine.idle()

        assert sum(int(str(held(engine, target, "count") or 0)) for target in TARGETS) == 23 + (tables == ("message",))
    assert store.recover().positions["source:in"] == "24"
    if tables != ("message",):
        assert [entry.message.value for entry in given_up(store)] == [pack("state")]


async def test_a_delayed_message_is_found_when_it_is_due(refusing: Refusing) -> None:
    store, clock = refusing(), ManualClock()
    async with running(Counted, store=store, clock=clock) as engine:
        for target in TARGETS:
            send(engine, target, pack("state" if target == GUILTY else "ok"), delay_ms=1_000)
        await engine.idle()
        clock.set_ms(clock.now_ms() + 2_000)
        await engine.idle()

        assert [entry.message.target for entry in given_up(store)] == [GUILTY]
        assert [held(engine, target, "count") for target in TARGETS] == [1, 1, 1, None, 1, 1, 1, 1]
        assert store.counts()["timers"] == 0


async def test_a_delayed_message_that_can_not_even_become_a_message_is_given_up(tmp_path: Path) -> None:
    store, clock = RefusingStore(("message",)), ManualClock()
    timers = [Timer(seq, 1, target, pack("poison" if target == GUILTY else "ok")) for seq, target in enumerate(TARGETS)]
    await store.commit(Commit(timers=timers, next_seq=20))
    store.tables = ("message", "entity")
    async with running(Counted, store=store, clock=clock) as engine:
        await engine.idle()

        assert held(engine, TARGETS[0], "count") == 1
        assert store.counts()["timers"] == 0
        assert store.counts()["messages"] == 0


async def test_a_submission_that_the_store_refuses_is_refused_to_its_sender(refusing: Refusing) -> None:
    store = refusing()
    answers: dict[str, Answer] = {}
    async with running(Counted, store=store) as engine:
        for id, wait in (("a", Wait.TAKEN), ("poison", Wait.TAKEN), ("poison b", Wait.HANDLED), ("c", Wait.HANDLED)):
            sent = letter(Counted.at(id), "state" if "poison" in id else "ok", wait)
            engine.take(sent, lambda answer, of=id: answers.__setitem__(of, answer))  # type: ignore[misc]
        many = [letter(Counted.at("d"), "ok"), letter(Counted.at("poison d"), "ok")]
        engine.take_all(many, lambda answer: answers.__setitem__("many", answer))
        await until(lambda: len(answers) == 5)
        await engine.idle()

        assert (answers.pop("a"), answers.pop("c")) == (Taken(), Replied(pack(1)))
        for answer in answers.values():
            assert isinstance(answer, GivenUp)
            assert answer.reason.startswith("NotStorableError: the store refuses this message")
        assert held(engine, Counted.at("d"), "count") is None
        assert store.counts()["messages"] == 0


async def test_a_test_runtime_raises_what_the_store_refuses() -> None:
    store = RefusingStore(WRITTEN)
    async with TestRuntime(Counted, store=store) as runtime:
        assert await runtime.ask(TARGETS[0], "ok", int) == 1
        with pytest.raises(NotStorableError) as raised:
            await runtime.ask(TARGETS[0], "state")
        with pytest.raises(NotStorableError):
            await runtime.tell(Counted.at("poison"), "ok")
        await runtime.tell(TARGETS[1], "egress")
        with pytest.raises(NotStorableError):
            await runtime.ask(TARGETS[2], "state", int, caller=Address("test/asker", "a"))
        assert await runtime.ask(TARGETS[0], "ok", int) == 2

        assert [letter.target for letter in runtime.dead_letters] == TARGETS[:3]
        assert str(raised.value) == (
            "the store refuses this message, or a value that its handler wrote or sent: store test: there is poison in "
            "entity. A retry can't help: change the handler or the sender."
        )
