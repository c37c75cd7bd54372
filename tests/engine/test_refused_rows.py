"""What a store refuses: changes by operators, egress records, dead letters, and values that are too large."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest

from statefun_actors import Entity, TypedValue, handles, persisted
from statefun_actors.admin import DeadLetterRetry, EngineControl, Posting
from statefun_actors.engine import NotStorableError
from statefun_actors.ingress import Answer, GivenUp, Handled, Replied
from statefun_actors.store import Commit, MemoryStore, Message
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import held, inbox_of, running, send, until
from tests.engine.poison import OUT, TARGETS, Counted, Refusing, given_up, letter


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
    assert store._files.writer is not None
    store._files.writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
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
    assert store._files.writer is not None
    store._files.writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    messages = [Message(seq, TARGETS[0], TypedValue("t/v", bytes(60_000))) for seq in range(1, 11)]

    await store.commit(Commit(messages=messages, next_seq=20))

    assert list(store.messages()) == messages
    store.close()
