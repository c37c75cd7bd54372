"""A store that refuses a change: the message that caused it is given up, and all others are handled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, TypedValue, handles, persisted
from statefun_actors.admin import DeadLetterRetry, EngineControl, Posting
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions, ManualClock, NotStorableError
from statefun_actors.ingress import Answer, GivenUp, Handled, IngressMessage, Replied, Taken, Wait
from statefun_actors.store import Commit, CommitRefusedError, DeadLetterEntry, MemoryStore, Message, Store, Timer
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import DEADLINE, Listed, held, inbox_of, running, send, until
from tests.engine.refusing import RefusingStore, refusing_sqlite

OUT = "test/out"
WAYS = ["state", "send", "later", "egress"]


class Counted(Entity, typename="test/counted"):
    """Counts messages. Some of them make changes that the store refuses."""

    count: int = persisted(default=0)
    text: str = persisted(default="")

    @handles(str)
    def handle(self, way: str) -> int:
        self.count += 1
        poison = "poi" + "son"
        match way:
            case "state":
                self.text = poison
            case "send":
                self.send(Address("test/nobody", poison), "x")
            case "later":
                self.send_after(60, self.address, "x", cancellation_token=poison)
            case "egress":
                self.send_egress(OUT, poison)
            case _:
                pass
        return self.count

    @handles(int)
    async def wait(self, message: int) -> int:
        await asyncio.sleep(0)
        self.count += 1
        if message < 0:
            self.text = "poi" + "son"
        return self.count


TARGETS = [Counted.at(f"{number}") for number in range(8)]
GUILTY = TARGETS[3]
WRITTEN = ("entity", "message", "timer", "egress")


@pytest.fixture(params=["memory", "sqlite"])
def refusing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Collection[str]], Store]]:
    opened: list[Store] = []

    def open_store(tables: Collection[str] = WRITTEN) -> Store:
        memory = request.param == "memory"
        store: Store = RefusingStore(tables) if memory else refusing_sqlite(tmp_path / "store.db", tables)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()


Refusing = Callable[..., Store]


def letter(target: Address, message: object, wait: Wait = Wait.HANDLED, key: str | None = None) -> IngressMessage:
    return IngressMessage(target, pack(message), wait=wait, key=key)


def given_up(store: Store) -> list[DeadLetterEntry]:
    return list(store.dead_letters())


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


async def test_messages_during_the_search_for_the_refused_one_are_taken_in_order(refusing: Refusing) -> None:
    store = refusing()
    answers: list[Answer] = []
    async with running(Counted, store=store) as engine:
        engine.take(letter(GUILTY, "state"), answers.append)
        await until(lambda: engine.view.isolating)
        for number, wait in enumerate((Wait.TAKEN, Wait.HANDLED)):
            engine.take(letter(TARGETS[number], "ok", wait), answers.append)
        engine.take(letter(TARGETS[2], "ok", key="k"), answers.append)
        send(engine, TARGETS[4], pack("ok"))
        await engine.durable()
        await until(lambda: len(answers) == 4)
        await engine.idle()

        assert sorted(type(answer).__name__ for answer in answers) == ["GivenUp", "Replied", "Replied", "Taken"]
        assert [held(engine, TARGETS[number], "count") for number in (0, 1, 2, 4)] == [1, 1, 1, 1]


async def test_changes_through_the_control_are_distinguished(refusing: Refusing) -> None:
    store = refusing()
    async with running(Counted, store=store) as engine:
        control = EngineControl(engine)
        results = await asyncio.gather(
            control.send([Posting(TARGETS[0], pack("ok"))]),
            control.send([Posting(Counted.at("poison"), pack("state"))]),
            control.send([Posting(TARGETS[1], pack("egress"))]),
            return_exceptions=True,
        )
        await engine.idle()
        [entry] = given_up(store)
        await control.retry([DeadLetterRetry(entry.seq)])
        await engine.idle()
        [again] = given_up(store)
        await control.retry([DeadLetterRetry(again.seq, pack("ok"))])
        await engine.idle()

        assert results[0] is None
        assert isinstance(results[1], NotStorableError)
        assert results[2] is None
        assert (entry.message.target, again.message.target) == (TARGETS[1], TARGETS[1])
        assert again.seq > entry.seq
        assert given_up(store) == []
        assert held(engine, TARGETS[1], "count") == 1


async def test_an_egress_record_that_is_refused_hurts_no_message(refusing: Refusing) -> None:
    store = refusing()
    async with running(Counted, store=store) as engine:
        inbox_of(engine).emit(OUT, pack("poison"))
        send(engine, TARGETS[0], pack("ok"))
        await engine.idle()
        inbox_of(engine).emit(OUT, pack("fine"))
        send(engine, TARGETS[1], pack("ok"))
        await engine.idle()

        assert [record.value for record in store.egress_after(0, 10)] == [pack("fine")]
        assert held(engine, TARGETS[1], "count") == 1


@pytest.mark.parametrize("tables", [("entity", "dead_letter"), ("entity", "dead_letter", "request")])
async def test_where_not_even_the_dead_letter_is_taken_the_message_is_dropped(
    refusing: Refusing, caplog: pytest.LogCaptureFixture, tables: Collection[str]
) -> None:
    class Loud(Entity, typename="test/loud"):
        text: str = persisted(default="")

        @handles(str)
        def keep(self, text: str) -> None:
            self.text = text

    store, answers = refusing(tables), dict[str, Answer]()
    async with running(Loud, store=store) as engine:
        for id, text in (("a", "ok"), ("b", "poison"), ("c", "ok")):
            engine.take(letter(Loud.at(id), text), lambda answer, of=id: answers.__setitem__(of, answer))  # type: ignore[misc]
        await until(lambda: len(answers) == 3)

        assert (answers.pop("a"), answers.pop("c")) == (Handled(), Handled())
        assert isinstance(answers["b"], GivenUp)
        assert given_up(store) == []
        assert (
            "test/loud/b: a message of type io.statefun.types/string is dropped; its dead letter can't be stored "
            "either: " in caplog.text
        )


async def test_of_a_value_that_is_too_large_the_first_bytes_are_kept() -> None:
    class Doubling(Entity, typename="test/doubling"):
        data: bytes = persisted(default=b"")

        @handles(bytes)
        def keep(self, data: bytes) -> None:
            self.data = data + data

    store = MemoryStore(largest_row=200_000)
    async with running(Doubling, store=store) as engine:
        sizes = {"a": 10, "b": 199_850, "c": 10}
        await EngineControl(engine).send([Posting(Doubling.at(id), pack(bytes(size))) for id, size in sizes.items()])
        await engine.idle()

        [entry] = given_up(store)
        assert entry.message.target == Doubling.at("b")
        assert entry.message.value == TypedValue("statefun-actors/bytes", bytes(199_850)[:65_536])
        assert "expected rows of at most 200,000 bytes, got one of 399," in entry.error
        assert entry.error.endswith("(The first 65,536 of its 199,850 bytes are kept.)")
        assert held(engine, Doubling.at("c"), "data") == bytes(20)


async def test_a_value_over_the_limit_of_sqlite_is_its_messages_fault(tmp_path: Path) -> None:
    import sqlite3

    class Growing(Entity, typename="test/growing"):
        data: bytes = persisted(default=b"")

        @handles(int)
        def grow(self, size: int) -> int:
            self.data += bytes(size)
            return len(self.data)

    answers: dict[int, Answer] = {}
    store = SqliteStore(tmp_path / "store.db")
    assert store._writer is not None
    store._writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    assert store.largest_row == 100_000
    async with running(Growing, store=store) as engine:
        for number, size in enumerate((60_000, 60_000, 10_000, 60_000, 50_000)):
            id = "a" if number < 3 else "b"
            engine.take(letter(Growing.at(id), size), lambda answer, of=number: answers.__setitem__(of, answer))  # type: ignore[misc]
            await until(lambda of=number: of in answers)  # type: ignore[misc]

        assert [answers[number] for number in (0, 2, 3)] == [Replied(pack(size)) for size in (60_000, 70_000, 60_000)]
        for number in (1, 4):
            answer = answers[number]
            assert isinstance(answer, GivenUp)
            assert "string or blob too big (SQLITE_TOOBIG)" in answer.reason
        assert len(given_up(store)) == 2
    store.close()


async def test_a_commit_of_many_rows_may_be_larger_than_the_largest_row(tmp_path: Path) -> None:
    import sqlite3

    store = SqliteStore(tmp_path / "store.db")
    assert store._writer is not None
    store._writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    messages = [Message(seq, TARGETS[0], TypedValue("t/v", bytes(60_000))) for seq in range(1, 11)]

    await store.commit(Commit(messages=messages, next_seq=20))

    assert list(store.messages()) == messages
    store.close()


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


async def test_a_refusal_that_is_no_messages_fault_ends_the_engine_with_it(caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(MemoryStore):
        async def commit(self, commit: Commit) -> None:
            if commit.messages_done:
                raise CommitRefusedError("test", "it takes nothing")
            await super().commit(commit)

    store = Stubborn()
    await store.commit(Commit(messages=[Message(1, GUILTY, pack("ok"))], next_seq=2))
    engine = Engine(Application(Counted), store, ManualClock())
    with pytest.raises(CommitRefusedError) as raised:
        await asyncio.wait_for(engine.run(), DEADLINE)

    assert str(raised.value) == "store test: it takes nothing"
    assert caplog.messages[0] == (
        "the store refused a commit; its messages run again, one per commit, to find the cause: "
        "store test: it takes nothing"
    )
    assert not any("are kept" in text for text in caplog.messages)


async def test_a_commit_that_is_refused_only_as_a_whole_is_taken_in_parts(caplog: pytest.LogCaptureFixture) -> None:
    class Small(MemoryStore):
        async def commit(self, commit: Commit) -> None:
            if len(commit.messages_done) > 1:
                raise CommitRefusedError("test", "it takes one message at a time")
            await super().commit(commit)

    store = Small()
    messages = [Message(seq, target, pack("ok")) for seq, target in enumerate(TARGETS[:2], 1)]
    await store.commit(Commit(messages=messages, next_seq=5))
    async with running(Counted, store=store) as engine:
        await engine.idle()

        assert [held(engine, target, "count") for target in TARGETS[:2]] == [1, 1]
        assert given_up(store) == []
        assert (
            "the search for the refused message found none: each message was stored alone. Messages share commits "
            "again; if this repeats, report it with the log"
        ) in caplog.messages


async def test_timers_and_messages_of_the_lost_epoch_come_once(refusing: Refusing) -> None:
    store, clock = refusing(), ManualClock()
    async with running(Counted, store=store, clock=clock) as engine:
        words = ["later" if number == 11 else "ok" for number in range(24)]
        await EngineControl(engine).send([Posting(TARGETS[n % 8], pack(word), n % 2) for n, word in enumerate(words)])
        await engine.idle()
        clock.set_ms(clock.now_ms() + timedelta(minutes=2) // timedelta(milliseconds=1))
        await engine.idle()

        assert [held(engine, target, "count") for target in TARGETS] == [3, 3, 3, 2, 3, 3, 3, 3]
        assert len(given_up(store)) == 1


async def test_sources_are_read_on_after_a_message_with_many_behind_it_was_given_up(refusing: Refusing) -> None:
    store, source, options = refusing(), Listed([(TARGETS[0], 1)] * 20), EngineOptions(epoch_steps=4)
    async with running(Counted, store=store, options=options, sources={"in": source}) as engine:
        for message in ("state", *["ok"] * 6):
            send(engine, GUILTY, pack(message))
        await engine.idle()

        assert [entry.message.target for entry in given_up(store)] == [GUILTY]
        assert (held(engine, GUILTY, "count"), held(engine, TARGETS[0], "count")) == (6, 20)
