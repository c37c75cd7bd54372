"""Messages that can't run now, more of them than may be in memory: all others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import ClassVar

import attrs
import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.engine import Engine, EngineOptions, ManualClock
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Taken, TooMany
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import Listed, held, inbox_of, running, send, until

FEW = EngineOptions(
    epoch_steps=15, batch=4, waiting=20, mailbox=10, held=40, held_bytes=100_000, suspended=8, slice_steps=4
)


class Poisoned(Entity, typename="test/poisoned"):
    """Fails until the test repairs it."""

    cured: ClassVar[bool] = False
    seen: list[int] = persisted(factory=list)

    @handles(str)
    def take(self, message: str) -> None:
        if not Poisoned.cured:
            raise ValueError("poisoned")
        self.seen.append(len(message))


class Slow(Entity, typename="test/slow", concurrency=1):
    open: ClassVar[asyncio.Event]
    seen: list[int] = persisted(factory=list)

    @handles(int)
    async def take(self, message: int) -> None:
        await Slow.open.wait()
        self.seen.append(message)


class Hanging(Entity, typename="test/hanging"):
    @handles(int)
    async def take(self, message: int) -> None:
        await Slow.open.wait()


class Other(Entity, typename="test/other"):
    n: int = persisted(default=0)

    @handles(int)
    async def take(self, message: int) -> None:
        await asyncio.sleep(0)
        self.n += message


class Busy(Entity, typename="test/busy"):
    """Never has nothing to do."""

    over: ClassVar[bool] = False

    @handles(int)
    def go_on(self, message: int) -> None:
        if not Busy.over:
            self.send(self.address, message)


OTHER = Other.at("o")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    Poisoned.cured, Busy.over, Slow.open = False, False, asyncio.Event()
    yield
    Poisoned.cured = Busy.over = False


def ask_for(engine: Engine, target: Address, value: int = 1) -> Answer | None:
    answers: list[Answer] = []
    engine.take(IngressMessage(target, pack(value)), answers.append)
    return answers[0] if answers else None


async def others_go_on(engine: Engine, expected: int) -> None:
    send(engine, OTHER, pack(1))
    send(engine, OTHER, pack(1), delay_ms=1)
    clock = engine.clock
    assert isinstance(clock, ManualClock)
    await engine.durable()
    clock.set_ms(clock.now_ms() + 1)
    await until(lambda: held(engine, OTHER, "n") == expected)


async def test_large_messages_that_keep_failing_refuse_no_others_also_after_a_restart() -> None:
    store, clock = MemoryStore(), ManualClock()
    for expected in (2, 4):
        async with running(Poisoned, Other, store=store, clock=clock, options=FEW) as engine:
            if expected == 2:
                for number in range(9):
                    send(engine, Poisoned.at(f"{number}"), pack("x" * 30_000))
                    await engine.settled()
            await engine.settled()
            await others_go_on(engine, expected)
            mailboxes = engine._core.working_set.mailboxes
            in_memory, failing = mailboxes.bytes, [each.message for each in engine.view.failing_messages()]
            notices = engine.notices()

        assert in_memory < 50_000
        assert [(message.target.id, len(message.value.value)) for message in failing] == [
            (f"{number}", len(pack("x" * 30_000).value)) for number in range(9)
        ]
        assert len(notices) == 9
    Poisoned.cured = True
    async with running(Poisoned, Other, store=store, clock=clock, options=FEW) as engine:
        await engine.idle()

        assert [held(engine, Poisoned.at(f"{number}"), "seen") for number in range(9)] == [[30_000]] * 9
        assert engine._core.working_set.mailboxes.bytes == 0


async def test_messages_at_the_limit_of_their_class_stop_no_others_and_stay_in_order() -> None:
    store, clock, answers = MemoryStore(), ManualClock(), list[Answer]()
    options = attrs.evolve(FEW, held=60)
    many = [IngressMessage(Slow.at(f"{number % 50}"), pack(number)) for number in range(200)]
    source = Listed([(OTHER, 1)] * 5)
    async with running(Slow, Other, store=store, clock=clock, options=options, sources={"in": source}) as engine:
        engine.take_all(many, answers.append)
        await until(lambda: held(engine, OTHER, "n") == 5)
        await others_go_on(engine, 7)
        before = engine._core.working_set.mailboxes.held
    async with running(Slow, Other, store=store, clock=clock, options=options) as engine:
        await others_go_on(engine, 9)
        after = engine._core.working_set.mailboxes.held
        Slow.open.set()
        await engine.idle()

        assert answers == [Taken()]
        assert before < 60
        assert after < 60
        for number in range(50):
            assert held(engine, Slow.at(f"{number}"), "seen") == list(range(number, 200, 50))
        assert (engine.view.waiting, engine._core.working_set.mailboxes.stuck.used) == (0, 0)


async def test_handlers_that_never_end_leave_places_for_those_of_other_types() -> None:
    async with running(Hanging, Other, options=FEW) as engine:
        for number in range(30):
            send(engine, Hanging.at(f"{number}"), pack(1))
        await until(lambda: not engine._core.working_set.mailboxes.ready)
        await others_go_on(engine, 2)
        await until(lambda: engine._loop._runner.suspended == 6)  # three quarters of what the others leave
        Slow.open.set()
        await engine.idle()

        assert engine.view.waiting == 0


async def test_batches_of_large_messages_leave_memory_for_other_types() -> None:
    async with running(Hanging, Other, options=attrs.evolve(FEW, held_bytes=1_000)) as engine:
        for number in range(6):
            inbox_of(engine).submit(Hanging.at(f"{number}" + "x" * 200), pack(1))
        engine.wake()
        await until(lambda: not engine._core.working_set.mailboxes.full)
        await others_go_on(engine, 2)
        await until(lambda: engine._loop._runner.suspended == 4)  # with 231 bytes each
        Slow.open.set()
        await engine.idle()

        assert engine.view.waiting == 0


async def test_further_entities_of_a_type_are_refused_if_too_many_of_it_have_messages_that_cannot_run() -> None:
    options = attrs.evolve(FEW, held=10)
    async with running(Slow, Other, options=options) as engine:
        taken = 0
        while (refused := ask_for(engine, Slow.at(f"{taken}"))) is None:
            taken += 1
            await engine.durable()
        behind = ask_for(engine, Slow.at("3"))
        await others_go_on(engine, 2)
        notices = engine.notices()
        Slow.open.set()
        await engine.idle()
        again = ask_for(engine, Slow.at("again"))

        assert taken == 16  # one of them runs
        assert refused == NotTaken("too many entities of test/slow have messages that can't run now")
        assert (behind, again) == (None, None)
        assert notices == [
            "messages to further entities of test/slow are refused: too many have messages that can't run now"
        ]


@pytest.mark.parametrize("options", [attrs.evolve(FEW, held=6), attrs.evolve(FEW, held_bytes=180)])
@pytest.mark.parametrize(("ids", "holder"), [(["a"] * 5 + ["b"], "test/busy/a"), (["a", "b", "c"] * 2, "test/busy")])
async def test_it_says_for_whom_the_messages_are_because_of_which_all_are_refused(
    ids: list[str], holder: str, options: EngineOptions
) -> None:
    async with running(Busy, Other, options=options) as engine:
        for id in ids:
            inbox_of(engine).submit(Busy.at(id), pack(1))
        notices = engine.notices()
        refused = ask_for(engine, OTHER)
        Busy.over = True
        await engine.idle()

        assert refused == TooMany(6)
        assert notices == [
            f"messages are refused, since 6 with {6 * size(Busy.at('a'))} bytes are in memory: most are for {holder}"
        ]
        assert engine.notices() == []


def size(target: Address) -> int:
    value = pack(1)
    return len(value.value) + len(value.typename) + len(target.id)


async def test_delayed_messages_fire_while_more_messages_run_than_sources_may_add() -> None:
    async with running(Busy, Other, options=FEW) as engine:
        for number in range(30):
            inbox_of(engine).submit(Busy.at(f"{number}"), pack(1))
        engine.wake()
        await others_go_on(engine, 2)
        running_still = engine._core.working_set.mailboxes.ready
        Busy.over = True
        await engine.idle()

        assert running_still == 30
