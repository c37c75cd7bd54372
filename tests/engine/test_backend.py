"""The engine as a backend of the ingress: its answers to messages, and repeats of an idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

import pytest

from statefun_actors import Address, Discard, Entity, TerminalError, handles, persisted
from statefun_actors.engine import Engine, EngineOptions, ManualClock
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    IngressMessage,
    Interrupted,
    KeyReused,
    NotTaken,
    Replied,
    Taken,
    TooMany,
    Wait,
)
from statefun_actors.model import TypedValue
from statefun_actors.store import MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import DEADLINE, HeldStore, held, running, until


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n

    @handles(bool)
    def add_silently(self, message: bool) -> None:
        self.n += 1

    @handles(bytes)
    def reply_twice(self, message: bytes) -> str:
        self.reply("first")
        return "second"

    @handles(str)
    def refuse(self, message: str) -> None:
        raise TerminalError(message)

    @handles(float, on_failure=Discard())
    def fail(self, message: float) -> None:
        raise ValueError(message)


class Gate(Entity, typename="test/gate"):
    """Its handler waits until the test releases it."""

    open: ClassVar[asyncio.Event]
    entered: ClassVar[int] = 0

    @handles(int)
    async def wait(self, message: int) -> int:
        Gate.entered += 1
        await Gate.open.wait()
        return message

    @handles(str)
    async def wait_too(self, message: str) -> None:
        await Gate.open.wait()


class Moody(Entity, typename="test/moody"):
    """Fails until the test repairs it."""

    cured: ClassVar[bool]

    @handles(str)
    def note(self, message: str) -> None:
        if not Moody.cured:
            raise ValueError("moody")


class Later(Entity, typename="test/later"):
    """Keeps its callers, and answers when a message says so."""

    asker: Address | None = persisted(default=None)

    @handles(int)
    def asked(self, message: int) -> None:
        self.asker = self.caller

    @handles(bool)
    def answer_later(self, message: bool) -> None:
        assert self.caller is not None
        self.send_after(60, self.caller, "after a while")

    @handles(str)
    def answer(self, message: str) -> None:
        if self.asker is not None:
            self.send(self.asker, message)


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    Gate.open, Gate.entered = asyncio.Event(), 0
    Moody.cured = False


A = Counter.at("a")
SERVED = (Counter, Gate, Later)


class Asked:
    """The answer to a message, of which there must be exactly one."""

    def __init__(self) -> None:
        self._told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.forget: Callable[[], bool] = lambda: False

    def tell(self, answer: Answer) -> None:
        self._told.set_result(answer)

    @property
    def known(self) -> bool:
        return self._told.done()

    async def answer(self) -> Answer:
        async with asyncio.timeout(DEADLINE):
            return await self._told


def ask(engine: Engine, target: Address, message: object, wait: Wait = Wait.TAKEN, key: str | None = None) -> Asked:
    asked = Asked()
    asked.forget = engine.take(IngressMessage(target, pack(message), 0, wait, key), asked.tell)
    return asked


async def turns() -> None:
    """Run the event loop for more iterations than are needed."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize(
    ("message", "wait", "answer"),
    [
        (5, Wait.TAKEN, Taken()),
        (5, Wait.HANDLED, Replied(pack(5))),
        (True, Wait.HANDLED, Handled()),
        (b"twice", Wait.HANDLED, Replied(pack("first"))),
        (b"twice", Wait.REPLY, Replied(pack("first"))),
        (5, Wait.REPLY, Replied(pack(5))),
        ("no", Wait.HANDLED, GivenUp("TerminalError: no")),
        ("no", Wait.REPLY, GivenUp("TerminalError: no")),
        (1.5, Wait.HANDLED, GivenUp("ValueError: 1.5")),
    ],
)
async def test_an_answer_is_given_once_it_is_durable(
    message: object, wait: Wait, answer: Answer, key: str | None
) -> None:
    store = HeldStore()
    store.let_go.clear()
    async with running(*SERVED, store=store) as engine:
        asked = ask(engine, A, message, wait, key)
        await until(lambda: store.begun)
        await turns()
        assert not asked.known
        store.let_go.set()

        assert await asked.answer() == answer


@pytest.mark.parametrize("key", [None, "key"])
async def test_a_cancelled_caller_learns_whether_the_message_is_durable(key: str | None) -> None:
    store = HeldStore()
    async with running(*SERVED, store=store) as engine:
        store.let_go.clear()
        early = ask(engine, Gate.at("a"), 1, Wait.HANDLED, key)
        await until(lambda: store.begun)
        late = ask(engine, Gate.at("b"), 1, Wait.HANDLED, key)
        assert early.forget() is False
        store.let_go.set()
        await engine.durable()

        assert late.forget() is True
        assert not early.known
        assert not late.known


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("wait", Wait)
async def test_a_commit_that_fails_is_reported_and_the_same_key_can_be_used_again(wait: Wait, key: str | None) -> None:
    store, clock = HeldStore(), ManualClock()
    async with running(*SERVED, store=store, clock=clock) as engine:
        store.fail = True
        assert await ask(engine, A, 5, wait, key).answer() == NotTaken("store test: the disk is full")
        refused = await ask(engine, A, 5, wait, key).answer()
        store.fail = False
        await until(lambda: engine.view.lost is None)
        again = await ask(engine, A, 5, Wait.HANDLED, key).answer()

    assert refused == NotTaken("store test: the disk is full")
    assert again == Replied(pack(5))


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("wait", [Wait.HANDLED, Wait.REPLY])
async def test_after_a_failed_commit_the_caller_of_a_stored_message_is_not_asked_to_send_it_again(
    wait: Wait, key: str | None
) -> None:
    store = HeldStore()
    async with running(*SERVED, store=store) as engine:
        stored = ask(engine, Gate.at("g"), 7, wait, key)
        await until(lambda: Gate.entered)
        await engine.durable()
        store.fail = True
        lost = ask(engine, Gate.at("h"), 7, wait, key)
        answers = [await stored.answer(), await lost.answer()]
        store.fail = False
        Gate.open.set()
        await until(lambda: engine.view.lost is None)
        await engine.idle()

    assert answers == [AnswerLost("store test: the disk is full"), NotTaken("store test: the disk is full")]
    assert Gate.entered == 3  # that of "g" twice


async def test_a_repeat_gets_the_first_result_and_nothing_happens_again() -> None:
    async with running(*SERVED) as engine:
        first = await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        again = [await ask(engine, A, 5, wait, "key").answer() for wait in Wait]
        other = await ask(engine, Counter.at("b"), 5, Wait.HANDLED, "key").answer()

        assert [first, *again, other] == [Replied(pack(5))] * 5
        assert held(engine, A, "n") == 5


async def test_a_repeat_of_a_call_that_did_not_wait_gets_that_it_is_taken() -> None:
    async with running(*SERVED) as engine:
        await ask(engine, A, 5, Wait.TAKEN, "key").answer()

        assert await ask(engine, A, 5, Wait.HANDLED, "key").answer() == Taken()
        assert held(engine, A, "n") == 5


@pytest.mark.parametrize("other", [6, True, "5", TypedValue("test/of-the-same-bytes", pack(5).value)])
async def test_another_message_under_the_same_key_is_refused(other: object) -> None:
    async with running(*SERVED) as engine:
        asked = ask(engine, A, 5, Wait.HANDLED, "key")
        at_once = await ask(engine, A, other, Wait.HANDLED, "key").answer()
        await asked.answer()
        later = await ask(engine, A, other, Wait.HANDLED, "key").answer()

        assert at_once == later == KeyReused("key")
        assert held(engine, A, "n") == 5


async def test_a_repeat_while_the_first_is_in_flight_waits_for_it() -> None:
    async with running(*SERVED) as engine:
        gate = Gate.at("g")
        first = ask(engine, gate, 7, Wait.HANDLED, "key")
        await until(lambda: Gate.entered)
        second = ask(engine, gate, 7, Wait.HANDLED, "key")
        taken = await ask(engine, gate, 7, Wait.TAKEN, "key").answer()
        assert not first.known
        assert not second.known
        Gate.open.set()

        assert (taken, await first.answer(), await second.answer()) == (Taken(), Replied(pack(7)), Replied(pack(7)))
        assert Gate.entered == 1


async def test_the_result_of_a_cancelled_wait_is_kept_for_a_repeat() -> None:
    async with running(*SERVED) as engine:
        gate = Gate.at("g")
        first = ask(engine, gate, 7, Wait.HANDLED, "key")
        await until(lambda: Gate.entered)
        first.forget()
        Gate.open.set()

        assert await ask(engine, gate, 7, Wait.HANDLED, "key").answer() == Replied(pack(7))
        assert not first.known


async def test_a_key_counts_for_a_day_and_then_its_row_goes_away() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(*SERVED, store=store, clock=clock) as engine:
        await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        await ask(engine, A, 5, Wait.HANDLED, "other").answer()
        clock.set_ms(clock.now_ms() + 86_399_999)
        before = await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        clock.set_ms(clock.now_ms() + 1)
        after = await ask(engine, A, 5, Wait.HANDLED, "key").answer()

    assert (before, after) == (Replied(pack(5)), Replied(pack(15)))
    assert [row.key for row in store.requests()] == ["key"]


async def test_a_key_that_is_used_again_is_not_swept_away_with_its_old_row() -> None:
    store, clock = HeldStore(), ManualClock()
    async with running(*SERVED, store=store, clock=clock) as engine:
        await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        clock.set_ms(clock.now_ms() + 86_400_000)
        begun = store.begun
        store.let_go.clear()
        again = ask(engine, A, 5, Wait.HANDLED, "key")
        await until(lambda: store.begun > begun)
        clock.set_ms(clock.now_ms() + 60_000)
        other = ask(engine, A, 5, Wait.TAKEN, "other")
        store.let_go.set()
        await other.answer()

        assert await again.answer() == Replied(pack(10))
        assert await ask(engine, A, 5, Wait.HANDLED, "key").answer() == Replied(pack(10))


async def test_over_a_restart_a_repeat_gets_the_first_result_and_who_was_pending_gets_it_too(tmp_path: object) -> None:
    path = f"{tmp_path}/store.db"
    store = SqliteStore(path)
    async with running(*SERVED, store=store) as engine:
        await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        pending = ask(engine, Gate.at("g"), 7, Wait.HANDLED, "key")
        open_end = ask(engine, Later.at("l"), 1, Wait.REPLY, "key")
        taken = await ask(engine, Gate.at("g"), 7, Wait.TAKEN, "key").answer()
        await ask(engine, Later.at("l"), 1, Wait.TAKEN, "key").answer()
    answers = [await pending.answer(), await open_end.answer()]
    store.close()

    store = SqliteStore(path)
    async with running(*SERVED, store=store) as engine:
        repeated = await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        pending = ask(engine, Gate.at("g"), 7, Wait.HANDLED, "key")
        Gate.open.set()
        found = await pending.answer()
        open_end = ask(engine, Later.at("l"), 1, Wait.REPLY, "key")
        await ask(engine, Later.at("l"), "here", Wait.HANDLED).answer()
        last = await open_end.answer()
    store.close()

    assert (taken, answers) == (Taken(), [Interrupted(), Interrupted()])
    assert (repeated, found, last) == (Replied(pack(5)), Replied(pack(7)), Replied(pack("here")))


@pytest.mark.parametrize("key", [None, "key"])
async def test_a_delayed_reply_is_a_reply(key: str | None) -> None:
    clock, store = ManualClock(), MemoryStore()
    async with running(*SERVED, clock=clock, store=store) as engine:
        asked = ask(engine, Later.at("l"), True, Wait.REPLY, key)
        given_up = ask(engine, Later.at("m"), True, Wait.REPLY)
        await engine.idle()
        given_up.forget()
        assert not asked.known
        clock.set_ms(clock.now_ms() + 60_000)
        engine.wake()

        assert await asked.answer() == Replied(pack("after a while"))
        await engine.idle()
        assert (engine.view.waiting, dict(engine.view.parked), store.counts()["messages"]) == (0, {}, 0)


async def test_many_letters_are_taken_together() -> None:
    async with running(*SERVED) as engine:
        asked = Asked()
        engine.take_all([IngressMessage(A, pack(n)) for n in range(4)], asked.tell)

        assert await asked.answer() == Taken()
        await engine.idle()
        assert held(engine, A, "n") == 6


async def test_more_than_can_be_held_is_not_taken_and_memory_stays_bounded() -> None:
    async with running(*SERVED, options=EngineOptions(held=10)) as engine:
        answers = [await ask(engine, Gate.at(str(n)), n).answer() for n in range(30)]
        Gate.open.set()
        await engine.idle()
        after = await ask(engine, Gate.at("after"), 1, Wait.HANDLED).answer()

    assert answers == [Taken()] * 10 + [TooMany(10)] * 20
    assert after == Replied(pack(1))


@pytest.mark.parametrize("served", [Gate, Moody])
async def test_so_are_the_bytes_in_it(served: type[Entity]) -> None:
    """Whether they wait for a handler that takes its time, or behind a message that keeps failing."""
    clock = ManualClock()
    async with running(*SERVED, Moody, clock=clock, options=EngineOptions(held_bytes=100)) as engine:
        answers = [await ask(engine, served.at(str(n)), "x" * 18).answer() for n in range(10)]
        Gate.open.set()
        Moody.cured = True
        clock.set_ms(clock.now_ms() + 1_000)
        engine.wake()
        await engine.idle()
        after = [await ask(engine, served.at("after"), "x" * 18).answer() for _ in range(10)]

    assert answers == [Taken()] * 5 + [TooMany(5)] * 5
    assert after[0] == Taken()


async def test_an_engine_that_stops_takes_nothing_more() -> None:
    async with running(*SERVED) as engine:
        stopping = asyncio.create_task(engine.stop())
        await asyncio.sleep(0)
        answers = [await ask(engine, A, 5, wait, key).answer() for wait in Wait for key in (None, "key")]
        await stopping

    assert answers == [NotTaken("the engine stops")] * 6
