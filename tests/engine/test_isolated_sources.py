"""Sources, timers and senders while the engine searches for a refused message, one message an epoch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import Inbox, ManualClock
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Wait
from statefun_actors.types import pack
from tests.engine.engines import held, running, send, until
from tests.engine.refusing import POISON, RefusingStore

MINUTE = 60_000


class Notes(Entity, typename="test/notes"):
    """Keeps its messages, which the store refuses where they are poison."""

    seen: list[str] = persisted(factory=list)

    @handles(str)
    def note(self, message: str) -> None:
        self.seen.append(message)


class Script:
    """A source of a script: messages, delayed messages, records. It keeps which of them are durable."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self.lines, self.at, self.exhausted = lines, 0, False
        self.durable: list[int] = []

    def resume(self, position: str | None) -> None:
        self.at, self.exhausted = int(position or 0), False

    def read(self, most: int, inbox: Inbox) -> str | None:
        lines = self.lines[self.at : self.at + most]
        if not lines:
            self.exhausted = True
            return None
        for kind, text in lines:
            if kind == "emit":
                inbox.emit("test/out", pack(text))
            else:
                inbox.submit(Notes.at("n"), pack(text), delay_ms=MINUTE if kind == "later" else 0)
        self.at += len(lines)
        end = self.at

        def noted(lost: object) -> None:
            if lost is None:
                self.durable.append(end)

        inbox.when_durable(noted)
        return f"{self.at}"


class Distant(Script):
    """A script that is read over a connection: after each resume it has nothing to read for a while."""

    connected = False
    inbox: Inbox | None = None

    def __init__(self, *lines: tuple[str, str], iterations: int = 50) -> None:
        super().__init__(*lines)
        self.iterations = iterations

    def resume(self, position: str | None) -> None:
        super().resume(position)
        self.connected = False
        self._connect(self.iterations)

    def _connect(self, iterations: int) -> None:
        if iterations:
            asyncio.get_running_loop().call_soon(self._connect, iterations - 1)
            return
        self.connected = True
        if self.inbox is not None:
            self.inbox.wake()

    def read(self, most: int, inbox: Inbox) -> str | None:
        self.inbox = inbox
        return super().read(most, inbox) if self.connected else None


A, B = Notes.at("a"), Notes.at("b")


async def test_a_source_that_connects_again_first_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    store = RefusingStore(("entity",))
    source = Distant(*[("now", text) for text in ("one", POISON, "two", "three")])
    async with running(Notes, store=store, sources={"in": source}) as engine:
        await engine.idle()

        assert held(engine, Notes.at("n"), "seen") == ["one", "two", "three"]
        assert [letter.message.value for letter in engine.view.dead_letters()] == [pack(POISON)]
    assert not [message for message in caplog.messages if "found none" in message]


class Fading(Entity, typename="test/fading"):
    """Has a field that expires, so the engine searches for expired ones from time to time."""

    seen: int = persisted(default=0, expire_after_write=timedelta(minutes=1))


class DueAtOnce(ManualClock):
    """Calls back for times that have come, as the clock of the system does, and counts the calls."""

    calls = 0

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        self.calls += 1
        if due_ms > self.now_ms():
            return super().call_at(due_ms, callback)
        return asyncio.get_running_loop().call_soon(callback).cancel


async def test_a_search_that_waits_for_a_source_uses_no_processor() -> None:
    store, clock = RefusingStore(("entity",)), DueAtOnce()
    source = Distant(("now", POISON))
    async with running(Notes, Fading, store=store, clock=clock, sources={"in": source}) as engine:
        await engine.idle()

        assert len(list(engine.view.dead_letters())) == 1
        assert clock.calls < 10


async def test_constant_traffic_does_not_keep_the_search_from_a_source(caplog: pytest.LogCaptureFixture) -> None:
    store, source = RefusingStore(("entity",)), Distant(("now", POISON), iterations=1_000)
    async with running(Notes, store=store, sources={"in": source}) as engine:
        sent = 0
        while not any(engine.view.dead_letters()):
            send(engine, A, pack(f"{sent}"))
            sent += 1
            await asyncio.sleep(0)
        await engine.idle()

        assert held(engine, A, "seen") == [f"{number}" for number in range(sent)]
    assert not [message for message in caplog.messages if "found none" in message]


async def test_delayed_messages_of_a_source_stay_delayed() -> None:
    store, clock = RefusingStore(("entity",)), ManualClock()
    source = Script(("now", "one"), ("now", POISON), ("later", "two"), ("now", "three"))
    async with running(Notes, store=store, clock=clock, sources={"in": source}) as engine:
        await engine.settled()
        before = held(engine, Notes.at("n"), "seen")
        due = engine.view.next_due()
        clock.set_ms(clock.now_ms() + MINUTE)
        await engine.idle()

        assert (before, due) == (["one", "three"], clock.now_ms())
        assert held(engine, Notes.at("n"), "seen") == ["one", "three", "two"]
        assert [letter.message.value for letter in engine.view.dead_letters()] == [pack(POISON)]


async def test_a_source_hears_of_each_read_that_is_durable() -> None:
    store, source = RefusingStore(("entity",)), Script(*[("now", text) for text in ("one", POISON, "two", "three")])
    async with running(Notes, store=store, sources={"in": source}) as engine:
        await engine.idle()

        assert held(engine, Notes.at("n"), "seen") == ["one", "two", "three"]
        assert source.durable[-1] == 4
        assert source.durable == sorted(source.durable)
        assert store.recover().positions["source:in"] == "4"


async def test_a_record_of_a_source_that_is_refused_is_dropped_with_an_error(caplog: pytest.LogCaptureFixture) -> None:
    store = RefusingStore(("egress",))
    source = Script(("now", "one"), ("emit", "first"), ("emit", POISON), ("emit", "last"), ("now", "two"))
    async with running(Notes, store=store, sources={"in": source}) as engine:
        await engine.idle()

        assert held(engine, Notes.at("n"), "seen") == ["one", "two"]
        assert [record.value for record in store.egress_after(0, 10)] == [pack("first"), pack("last")]
    assert [message for message in caplog.messages if "is dropped" in message] == [
        "a record of the source in for the egress test/out is dropped, since the store refuses it: store test: there "
        "is poison in egress; change its sender"
    ]


async def test_delayed_messages_are_counted_once() -> None:
    store, clock = RefusingStore(("entity",)), ManualClock()
    async with running(Notes, store=store, clock=clock) as engine:
        for text in ("one", POISON, "two", "three"):
            send(engine, A, pack(text), delay_ms=MINUTE)
        await engine.settled()
        clock.set_ms(clock.now_ms() + MINUTE)
        await engine.idle()

        assert held(engine, A, "seen") == ["one", "two", "three"]
        assert (engine.view.counters.timers_fired, engine.view.counters.handled, engine.view.counters.dead_letters) == (
            4,
            3,
            1,
        )


async def test_a_sender_that_has_not_had_its_turn_is_answered_when_the_engine_stops() -> None:
    store = RefusingStore(("entity",))
    answers: dict[str, Answer] = {}
    async with running(Notes, store=store) as engine:
        send(engine, A, pack(POISON))
        await until(lambda: engine.view.isolating)
        for wait in (Wait.TAKEN, Wait.HANDLED):
            engine.take(
                IngressMessage(B, pack("late"), wait=wait),
                lambda answer, of=wait.name: answers.__setitem__(of, answer),  # type: ignore[misc]
            )
        engine.take(
            IngressMessage(B, pack("late"), wait=Wait.HANDLED, key="k"),
            lambda answer: answers.__setitem__("key", answer),
        )
        waiting = dict(answers)
        await engine.stop(drain=0)
        await until(lambda: len(answers) == 3)

    assert waiting == {}
    assert answers == dict.fromkeys(("TAKEN", "HANDLED", "key"), NotTaken("the engine stops"))


async def test_where_one_submission_is_refused_the_search_ends_with_it(caplog: pytest.LogCaptureFixture) -> None:
    store = RefusingStore(("timer",))
    answers: list[Answer] = []
    async with running(Notes, store=store) as engine:
        for text in ("x", POISON, "y"):
            engine.take_all([IngressMessage(A, pack(text), MINUTE)] * 2, answers.append)
        await until(lambda: len(answers) == 3)
        isolating = engine.view.isolating

        assert sorted(type(answer).__name__ for answer in answers) == ["GivenUp", "Taken", "Taken"]
        assert not isolating
    assert "no message was found" not in caplog.text
