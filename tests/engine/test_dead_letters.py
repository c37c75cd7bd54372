"""Dead letters are retried, edited or dropped once, in one commit with their removal."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from statefun_actors import DeadLetter, Entity, TerminalError, handles, persisted
from statefun_actors.engine import EpochLostError, ManualClock, NoDeadLetterError
from statefun_actors.ingress import Answer, GivenUp, IngressMessage, Wait
from statefun_actors.store import MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import HeldStore, held, running, send, until


class Picky(Entity, typename="test/picky"):
    """Discards negative numbers until the test repairs it."""

    cured: ClassVar[bool] = False
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        if message < 0 and not Picky.cured:
            raise TerminalError(f"{message} is negative")
        self.seen.append(message)


@pytest.fixture(autouse=True)
def _ill() -> None:
    Picky.cured = False


async def test_a_dead_letter_is_tried_again_with_another_value_behind_what_waits() -> None:
    store = MemoryStore()
    async with running(Picky, store=store) as engine:
        send(engine, Picky.at("a"), pack(-1))
        await engine.idle()
        [letter] = engine.view.dead_letters()
        send(engine, Picky.at("a"), pack(2))
        engine.changes.retry_dead_letter(letter.seq, pack(1))
        await engine.idle()

        assert held(engine, Picky.at("a"), "seen") == [2, 1]
        assert store.counts()["dead_letters"] == 0


async def test_one_that_fails_again_is_a_dead_letter_of_another_number() -> None:
    async with running(Picky) as engine:
        send(engine, Picky.at("a"), pack(-1))
        await engine.idle()
        [first] = engine.view.dead_letters()
        engine.changes.retry_dead_letter(first.seq)
        await engine.idle()
        [second] = engine.view.dead_letters()
        Picky.cured = True
        engine.changes.retry_dead_letter(second.seq)
        await engine.idle()

        assert second.seq > first.seq
        assert (second.error, value_of(second.message.value)) == ("-1 is negative", -1)
        assert held(engine, Picky.at("a"), "seen") == [-1]
        assert list(engine.view.dead_letters()) == []


async def test_headers_stay_with_a_message_through_a_restart_its_delay_and_a_retry(tmp_path: Path) -> None:
    headers, clock = {"traceparent": "00-1-2-01"}, ManualClock()
    message = IngressMessage(Picky.at("a"), pack(-1), delay_ms=5_000, headers=headers)
    store = SqliteStore(tmp_path / "store.db")
    async with running(Picky, store=store, clock=clock) as engine:
        answers: list[Answer] = []
        engine.take(message, answers.append)
        await until(lambda: answers)
    store.close()

    store = SqliteStore(tmp_path / "store.db")
    clock.set_ms(clock.now_ms() + 6_000)
    async with running(Picky, store=store, clock=clock) as engine:
        await until(lambda: list(engine.view.dead_letters()))
        [first] = engine.view.dead_letters()
        engine.changes.retry_dead_letter(first.seq)
        await engine.idle()
        [second] = engine.view.dead_letters()
    store.close()

    assert second.seq > first.seq
    assert first.message.headers == second.message.headers == headers


async def test_a_discarded_one_is_gone() -> None:
    store = MemoryStore()
    async with running(Picky, store=store) as engine:
        for number in (-1, -2):
            send(engine, Picky.at("a"), pack(number))
        await engine.idle()
        first, second = engine.view.dead_letters()
        engine.changes.discard_dead_letter(first.seq)
        await engine.durable()

        assert list(engine.view.dead_letters()) == list(store.dead_letters()) == [second]
        assert engine.view.dead_letter(second.seq) == second


async def test_each_is_dealt_with_once_though_nothing_is_durable_yet() -> None:
    store = HeldStore()
    async with running(Picky, store=store) as engine:
        send(engine, Picky.at("a"), pack(-1))
        await engine.idle()
        [letter] = engine.view.dead_letters()
        store.let_go.clear()
        engine.changes.retry_dead_letter(letter.seq, pack(1))
        open_epoch = _refused(lambda: engine.changes.retry_dead_letter(letter.seq))
        begun = store.begun
        await until(lambda: store.begun > begun)
        sealed_epoch = _refused(lambda: engine.changes.discard_dead_letter(letter.seq))
        listed = list(engine.view.dead_letters())
        store.let_go.set()
        await engine.idle()

        assert open_epoch == sealed_epoch == _refused(lambda: engine.view.dead_letter(letter.seq))
        assert open_epoch == (
            f"there is no dead letter {letter.seq}: it has been retried or discarded, or never existed. "
            "`statefun-actors dead-letters list` lists the current ones."
        )
        assert listed == []
        assert held(engine, Picky.at("a"), "seen") == [1]


def _refused(attempt: Callable[[], object]) -> str:
    with pytest.raises(NoDeadLetterError) as raised:
        attempt()
    return str(raised.value)


async def test_a_retry_whose_commit_fails_leaves_the_dead_letter() -> None:
    store = HeldStore()
    async with running(Picky, store=store) as engine:
        send(engine, Picky.at("a"), pack(-1))
        await engine.idle()
        [letter] = engine.view.dead_letters()
        store.fail = True
        engine.changes.retry_dead_letter(letter.seq, pack(1))
        with pytest.raises(EpochLostError):
            await engine.durable()
        with pytest.raises(EpochLostError):
            engine.changes.retry_dead_letter(letter.seq, pack(1))
        store.fail = False
        await engine.idle()

        assert list(engine.view.dead_letters()) == [letter]
        assert held(engine, Picky.at("a"), "seen") is None


async def test_a_caller_that_got_the_failure_gets_nothing_of_a_retry() -> None:
    answers: list[Answer] = []
    async with running(Picky) as engine:
        engine.take(IngressMessage(Picky.at("a"), pack(-1), wait=Wait.REPLY), answers.append)
        await engine.idle()
        [letter] = engine.view.dead_letters()
        engine.changes.retry_dead_letter(letter.seq, pack(1))
        await engine.idle()

        [answer] = answers
        assert isinstance(answer, GivenUp)
        assert str(answer.error) == "-1 is negative"


class Guarded(Entity, typename="test/guarded", on_failure=DeadLetter("test/given-up", attempts=1, as_value=True)):
    @handles(str)
    def refuse(self, message: str) -> None:
        raise ValueError(f"{len(message):,} characters")


async def test_a_dead_letter_larger_than_a_value_may_be_has_the_first_bytes_of_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("statefun_actors.dispatch.dead_letter.LARGEST_VALUE", 200_000)
    store = SqliteStore(tmp_path / "store.db")
    assert store._files.writer is not None
    store._files.writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 250_000)
    message = pack("\x01" * 100_000)  # in JSON, each is six characters
    async with running(Guarded, store=store) as engine:
        send(engine, Guarded.at("a"), message)
        await engine.idle()

        [kept] = engine.view.dead_letters()
        [record] = store.egress_after(0, 10)
    letter = msgspec.json.decode(record.value.value)
    assert (kept.message.value, kept.error) == (message, "100,000 characters")
    assert base64.b64decode(letter.pop("value_base64")) == message.value[:65_536]
    assert "value" not in letter
    assert letter["error_type"] == "ValueError"
    assert letter["error"] == "100,000 characters (The first 65,536 of its 100,004 bytes are kept.)"
    assert "refused a commit" not in caplog.text
    store.close()
