"""Failed commits, ended processes and full disks, at every place in turn: the result is the same."""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, DeadLetter, Discard, Entity, handles, persisted
from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.dispatch import Application
from statefun_actors.engine import Counters, Engine, EngineOptions, ManualClock
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Taken
from statefun_actors.store import Commit, MemoryStore, Store, StoreError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import Listed, held, running, send, until

OUT = "test/out"
SMALL = EngineOptions(epoch_steps=7, batch=3, slice_steps=2)


class Shop(Entity, typename="test/shop"):
    """Books each payment, sends it to the till, reminds itself, and writes a record."""

    booked: list[int] = persisted(factory=list)
    reminded: int = persisted(default=0)

    @handles(int)
    async def book(self, message: int) -> None:
        if message % 5 == 0:
            await asyncio.sleep(0)
        self.booked.append(message)
        self.send(Till.at("only"), message)
        self.send_egress(OUT, message)
        self.send_after(timedelta(seconds=1), self.address, "remember", cancellation_token=f"{message % 3}")

    @handles(str)
    def remind(self, message: str) -> None:
        self.reminded += len(message)


class Till(Entity, typename="test/till"):
    total: int = persisted(default=0)

    @handles(int)
    def take(self, message: int) -> None:
        self.total += message


SHOPS = [Shop.at(f"{number}") for number in range(4)]
MESSAGES: list[tuple[Address, int]] = [(SHOPS[number % 4], number) for number in range(60)]


class Faulty(MemoryStore):
    """Counts commits; *fault* is called before and after each of them with its number."""

    def __init__(self, fault: Callable[[int, str], None]) -> None:
        super().__init__()
        self.commits = 0
        self._fault = fault

    async def commit(self, commit: Commit) -> None:
        self.commits += 1
        number = self.commits
        self._fault(number, "before")
        await asyncio.sleep(0)  # the next epoch is processed meanwhile
        await super().commit(commit)
        await asyncio.sleep(0)
        self._fault(number, "after")


async def outcome(store: Store, file: Path) -> tuple[object, ...]:
    """Run the engine on *store* to the end, with its delayed messages; return the result."""
    clock, sink = ManualClock(), JsonLinesSink(file)
    sources, sinks = {"in": Listed(MESSAGES)}, {OUT: sink}
    async with running(Shop, Till, store=store, clock=clock, options=SMALL, sources=sources, sinks=sinks) as engine:
        await engine.idle()
        clock.set_ms(clock.now_ms() + 2_000)
        await engine.idle()
        states = [(held(engine, shop, "booked"), held(engine, shop, "reminded")) for shop in SHOPS]
        total = held(engine, Till.at("only"), "total")
    sink.close()
    counts = store.counts()
    return states, total, records_in(file), counts["messages"], counts["timers"], counts["egress"]


def records_in(file: Path) -> list[int]:
    return sorted(json.loads(line)["value"] for line in file.read_text().splitlines())


EXPECTED = (
    [([number for number in range(60) if number % 4 == shop], 3 * len("remember")) for shop in range(4)],
    sum(range(60)),
    list(range(60)),
    0,
    0,
    0,
)


async def test_undisturbed_it_takes_many_commits(tmp_path: Path) -> None:
    store = Faulty(lambda number, when: None)

    assert await outcome(store, tmp_path / "out.jsonl") == EXPECTED
    assert store.commits > 20


@pytest.mark.parametrize("failing", [1, 2, 3, 5, 8, 13, 20])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_commit_that_fails_while_the_next_epoch_runs_changes_nothing(
    tmp_path: Path, failing: int, times: int
) -> None:
    def fault(number: int, when: str) -> None:
        if when == "before" and failing <= number < failing + times:
            raise StoreError("test", "the disk is full")

    assert await outcome(Faulty(fault), tmp_path / "out.jsonl") == EXPECTED


class Picky(Entity, typename="test/picky", on_failure=Discard()):
    @handles(int)
    def give_up(self, message: int) -> None:
        raise ValueError(message)

    @handles(str, on_failure=DeadLetter("test/dead-letters", attempts=1))
    def bury(self, message: str) -> None:
        raise ValueError(message)


@pytest.mark.parametrize("failing", [None, 1, 2, 3, 5, 8, 13])
async def test_messages_of_a_lost_epoch_are_counted_once(failing: int | None) -> None:
    def fault(number: int, when: str) -> None:
        if when == "before" and number == failing:
            raise StoreError("test", "the disk is full")

    clock, options, picky = ManualClock(), SMALL, [(Picky.at("a"), number) for number in range(10)]
    messages = [each for pair in itertools.zip_longest(MESSAGES, picky) for each in pair if each is not None]
    sources = {"in": Listed(messages)}
    async with running(Shop, Till, Picky, store=Faulty(fault), clock=clock, options=options, sources=sources) as engine:
        await engine.idle()
        clock.set_ms(clock.now_ms() + 2_000)
        await engine.idle()
        for number in range(5):
            send(engine, Picky.at("b"), pack(f"{number}"))
            await engine.idle()

        assert engine.view.counters == Counters(
            handled=60 + 60 + 12 + 10 + 5, timers_fired=12, discarded=10, dead_letters=5
        )


async def test_messages_without_anything_to_write_are_counted() -> None:
    async with running(Till) as engine:
        for _ in range(3):
            send(engine, Till.at("a"), pack(0))
        await engine.idle()

        assert engine.view.counters.handled == 3


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_that_ends_before_or_after_any_commit_changes_nothing(tmp_path: Path, when: str) -> None:
    clean = Faulty(lambda number, when: None)
    await outcome(clean, tmp_path / "clean.jsonl")
    for last in range(1, clean.commits, 2):
        file, ended = tmp_path / f"{last}.jsonl", asyncio.Event()

        def fault(number: int, now: str, last: int = last, ended: asyncio.Event = ended) -> None:
            if number >= last and now == when:
                ended.set()
                raise Ended

        store, sink = Faulty(fault), JsonLinesSink(file)
        engine = Engine(
            Application(Shop, Till), store, ManualClock(),
            options=SMALL, sources={"in": Listed(MESSAGES)}, sinks={OUT: sink},
        )  # fmt: skip
        run = asyncio.create_task(engine.run())
        waiting = asyncio.create_task(ended.wait())
        idle = asyncio.create_task(engine.idle())
        await asyncio.wait([waiting, idle], return_when=asyncio.FIRST_COMPLETED)
        for task in (run, waiting, idle):
            task.cancel()
        await asyncio.gather(run, waiting, idle, return_exceptions=True)
        await engine._core.working_set.outbox.end()
        sink.close()
        store._fault = lambda number, when: None

        assert await outcome(store, file) == EXPECTED, f"ended {when} commit {last}"


class Ended(BaseException):
    """The process has ended."""


# A disk that is full


class Pile(Entity, typename="test/pile"):
    parts: list[str] = persisted(factory=list)

    @handles(int)
    def add(self, message: int) -> None:
        self.parts.append(f"{message}:" + "x" * 2_000)


async def acknowledged(engine: Engine, numbers: Sequence[int]) -> list[int]:
    """Which of *numbers*, sent one after another, were stored."""
    stored = []
    for number in numbers:
        answers: list[Answer] = []
        engine.take(IngressMessage(Pile.at(f"{number % 3}"), pack(number)), answers.append)
        await until(lambda answers=answers: answers)  # type: ignore[misc]
        match answers:
            case [NotTaken(reason)]:
                assert "the disk is full" in reason or "the disk failed" in reason
            case _:
                assert answers == [Taken()]
                stored.append(number)
    return stored


def piled(engine: Engine) -> list[int]:
    parts: list[int] = []
    for pile in range(3):
        found = held(engine, Pile.at(f"{pile}"), "parts")
        parts += [int(part.partition(":")[0]) for part in found] if isinstance(found, list) else []
    return sorted(parts)


@pytest.mark.parametrize("commits", ["loop", "thread"])
@pytest.mark.parametrize("pages", [0, 1, 7, 20])
async def test_a_full_store_refuses_what_comes_loses_nothing_and_goes_on_once_there_is_room(
    tmp_path: Path, pages: int, commits: str
) -> None:
    store = SqliteStore(tmp_path / "store.db", commits=commits)  # type: ignore[arg-type]
    async with running(Pile, store=store) as engine:
        before = await acknowledged(engine, range(6))
        assert store._files.writer is not None
        (used,) = store._files.writer.execute("PRAGMA page_count").fetchone()
        store._files.writer.execute(f"PRAGMA max_page_count = {used + pages}")
        during = await acknowledged(engine, range(6, 30))
        failed = engine.view.error
        store._files.writer.execute("PRAGMA max_page_count = 1000000")
        await engine.idle()
        after = await acknowledged(engine, range(30, 36))
        found = piled(engine)

        assert before == list(range(6))
        assert len(during) < 24
        assert str(failed) == f"store {store.path}: the disk is full. Free disk space."
        assert after[-1] == 35
        assert found == [*before, *during, *after]
        assert engine.view.error is None
    assert store.integrity_check() == []
    store.close()


@contextmanager
def files_up_to(size: int) -> Generator[None]:
    """Writing beyond *size* fails, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("commits", ["loop", "thread"])
@pytest.mark.parametrize("more", [0, 24, 3_000, 40_000])
async def test_a_disk_that_ends_in_the_middle_of_a_write_loses_nothing(tmp_path: Path, more: int, commits: str) -> None:
    store = SqliteStore(tmp_path / "store.db", commits=commits)  # type: ignore[arg-type]
    async with running(Pile, store=store) as engine:
        before = await acknowledged(engine, range(6))
        with files_up_to((tmp_path / "store.db-wal").stat().st_size + more):
            during = await acknowledged(engine, range(6, 30))
        await engine.idle()
        after = await acknowledged(engine, range(30, 36))
        found = piled(engine)

        assert len(during) < 24
        assert after[-1] == 35
        assert found == [*before, *during, *after]
    store.close()
    again = SqliteStore(tmp_path / "store.db")
    async with running(Pile, store=again) as engine:
        assert piled(engine) == [*before, *during, *after]
    assert again.integrity_check() == []
    again.close()
