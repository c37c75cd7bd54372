"""Further entities with a mistake each, which no run without faults shows: state, identity and time from outside."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from statefun_actors import Discard, Entity, NoAnswer, activity, answers, handles, persisted
from statefun_actors.testing import TestRuntime
from tests.testing.simulation.planted import Add, Note, Start, adds

# --- state outside fields


class Environment(Entity, typename="planted/environment"):
    """It counts in a variable of the environment."""

    count: int = persisted(default=0)

    @handles(Add)
    def add(self, _: Add) -> None:
        self.count = int(os.environ.get("PLANTED", "0")) + 1
        os.environ["PLANTED"] = str(self.count)


async def environment(runtime: TestRuntime) -> None:
    os.environ.pop("PLANTED", None)
    await adds(runtime, Environment)


def counter() -> Callable[[], int]:
    total = 0

    def count() -> int:
        nonlocal total
        total += 1
        return total

    return count


_count = [counter()]


class Closure(Entity, typename="planted/closure"):
    """It counts in a closure."""

    count: int = persisted(default=0)

    @handles(Add)
    def add(self, _: Add) -> None:
        self.count = _count[0]()


async def closure(runtime: TestRuntime) -> None:
    _count[0] = counter()
    await adds(runtime, Closure)


_sums: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar("_sums", default=None)


class Context(Entity, typename="planted/context"):
    """It adds up in a list that a context variable holds."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        seen = _sums.get() or []
        seen.append(added.cents)
        _sums.set(seen)
        self.total = sum(seen)


async def context(runtime: TestRuntime) -> None:
    _sums.set([])
    await adds(runtime, Context)


_local = threading.local()


class ThreadLocal(Entity, typename="planted/thread-local"):
    """It keeps its sum in its thread."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        _local.total = getattr(_local, "total", 0) + added.cents
        self.total = _local.total


async def thread_local(runtime: TestRuntime) -> None:
    vars(_local).clear()
    await adds(runtime, ThreadLocal)


class Registry(Entity, typename="planted/registry"):
    """It finds other entities as objects, and changes them."""

    known: ClassVar[dict[str, list[int]]] = {}
    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        self.known.setdefault(self.id, []).append(added.cents)
        self.total = sum(map(sum, self.known.values()))


async def registry(runtime: TestRuntime) -> None:
    Registry.known.clear()
    await adds(runtime, Registry)


def default_argument(cents: int, seen: list[int] = []) -> int:  # noqa: B006 - the mistake
    seen.append(cents)
    return sum(seen)


class MutableDefault(Entity, typename="planted/mutable-default"):
    """It calls a function whose default is a list that all calls share."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        self.total = default_argument(added.cents)


async def mutable_default(runtime: TestRuntime) -> None:
    default_argument.__defaults__[0].clear()  # type: ignore[index] # it has one
    await adds(runtime, MutableDefault)


class CachedMethod(Entity, typename="planted/cached-method"):
    """It counts the misses of a cache, which a new process begins at 0, and a simulated one does not."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        self.total += self.bonus(self.id, added.cents)

    @staticmethod
    @functools.cache
    def bonus(id: str, cents: int) -> int:
        return cents + CachedMethod.bonus.cache_info().misses


async def cached_method(runtime: TestRuntime) -> None:
    CachedMethod.bonus.cache_clear()
    await adds(runtime, CachedMethod)


class Attempts(Entity, typename="planted/attempts"):
    """Its attempts fail by a counter in a module, so a crash makes them succeed sooner."""

    attempts: ClassVar[dict[str, int]] = {}
    tried: int = persisted(default=0)

    @handles(Start, on_failure=Discard(attempts=5))
    def start(self, _: Start) -> None:
        self.attempts[self.id] = self.attempts.get(self.id, 0) + 1
        if self.attempts[self.id] < 3:
            raise ConnectionError("not yet")
        self.tried = self.attempts[self.id]


async def attempts(runtime: TestRuntime) -> None:
    Attempts.attempts.clear()
    await runtime.tell(Attempts.at("x"), Start())


class AfterError(Entity, typename="planted/after-error"):
    """It notes a message as seen, outside its fields, before it fails, and skips the further attempt."""

    seen: ClassVar[set[int]] = set()
    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        if added.cents in self.seen:
            return
        self.seen.add(added.cents)
        self.total += added.cents


async def after_error(runtime: TestRuntime) -> None:
    AfterError.seen.clear()
    await adds(runtime, AfterError)


deleted: list[str] = []


class Deleted(Entity, typename="planted/deleted"):
    """It counts its calls where an object of a call is freed."""

    freed: int = persisted(default=0)

    class Guard:
        def __del__(self) -> None:
            deleted.append("x")

    @handles(Add)
    def add(self, _: Add) -> None:
        self.Guard()
        self.freed = len(deleted)


async def freed(runtime: TestRuntime) -> None:
    deleted.clear()
    await adds(runtime, Deleted)


# --- calls outside

charged: list[str] = []


@activity("planted/charge", attempts=3, backoff=1)
async def charge(message: int, key: str) -> str:
    charged.append(str(message))  # the mistake: it does not look at the key
    return key


class Shop(Entity, typename="planted/shop"):
    """Its activity charges whenever it is called."""

    paid: bool = persisted(default=False)

    @handles(Start)
    def start(self, start: Start) -> None:
        self.ask(charge, start.count, then=self.charged)

    @answers
    def charged(self, answer: str | NoAnswer) -> None:
        self.paid = isinstance(answer, str)


async def activity_without_a_key(runtime: TestRuntime) -> object:
    charged.clear()
    await runtime.tell(Shop.at("s"), Start())
    return len(charged)


class TaskLeft(Entity, typename="planted/task-left"):
    """A task that it leaves running calls out."""

    started: int = persisted(default=0)

    @handles(Add)
    async def add(self, added: Add) -> None:
        self.started += 1
        left.append(asyncio.get_running_loop().create_task(self.call_out(added.cents)))

    @staticmethod
    async def call_out(cents: int) -> None:
        charged.append(str(cents))


left: list[asyncio.Task[None]] = []


async def task_left(runtime: TestRuntime) -> object:
    charged.clear()
    left.clear()
    await adds(runtime, TaskLeft)
    await asyncio.gather(*left)
    return sorted(charged)


# --- order


class Summing(Entity, typename="planted/summing"):
    """It adds floats of different senders, whose sum depends on their order."""

    total: float = persisted(default=0.0)

    @handles(float)
    def add(self, amount: float) -> None:
        self.total += amount


class Paying(Entity, typename="planted/paying"):
    @handles(Start)
    def start(self, _: Start) -> None:
        self.send(Summing.at("s"), float(self.id))


class Payday(Entity, typename="planted/payday"):
    @handles(Start)
    def start(self, start: Start) -> None:
        for amount in ("0.1", "0.2", "0.3", "1e16", "-1e16"):
            self.send(Paying.at(amount), start)


async def float_sum(runtime: TestRuntime) -> None:
    await runtime.tell(Payday.at("p"), Start())


class Doors(Entity, typename="planted/doors"):
    """It opens one door, then another, and assumes that they open in this order."""

    log: list[str] = persisted(factory=list)

    @handles(Start)
    def start(self, start: Start) -> None:
        self.send(Door.at("first"), start)
        self.send(Door.at("second"), start)

    @handles(Note)
    def opened(self, note: Note) -> None:
        self.log.append(note.text)


class Door(Entity, typename="planted/door"):
    @handles(Start)
    def start(self, _: Start) -> None:
        self.send(Doors.at("d"), Note(self.id))


async def two_targets(runtime: TestRuntime) -> None:
    await runtime.tell(Doors.at("d"), Start())


class LastAnswer(Entity, typename="planted/last-answer"):
    """It asks twice, and takes the answer to the second ask for the last one."""

    answer: str = persisted(default="")

    @handles(Start)
    def start(self, _: Start) -> None:
        for id in ("one", "two"):
            self.ask(Echo.at(id), Note(id), then=self.answered)

    @answers
    def answered(self, note: Note | NoAnswer) -> None:
        self.answer = note.text if isinstance(note, Note) else ""


class Echo(Entity, typename="planted/echo"):
    @handles(Note)
    def note(self, note: Note) -> Note:
        return note


async def last_answer(runtime: TestRuntime) -> None:
    await runtime.tell(LastAnswer.at("x"), Start())


# --- what two runs do not have in common


class Drawn(Entity, typename="planted/drawn"):
    number: float = persisted(default=0.0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.number = random.random()


class Identified(Entity, typename="planted/identified"):
    key: str = persisted(default="")

    @handles(Start)
    def start(self, _: Start) -> None:
        self.key = uuid.uuid4().hex


class Elapsing(Entity, typename="planted/elapsing"):
    began: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.began = int(time.monotonic()) // 86_400


class LocalTime(Entity, typename="planted/local-time"):
    day: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.day = time.localtime().tm_yday


class Formatted(Entity, typename="planted/formatted"):
    day: str = persisted(default="")

    @handles(Start)
    def start(self, _: Start) -> None:
        self.day = time.strftime("%Y-%m-%d")


class Hashed(Entity, typename="planted/hashed"):
    shard: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.shard = hash(self.id) % 1_000


class Process(Entity, typename="planted/process"):
    number: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.number = os.getpid()


async def start(runtime: TestRuntime, cls: Any) -> None:
    await runtime.tell(cls.at("x"), Start())


async def hashed(runtime: TestRuntime) -> None:
    await runtime.tell(Hashed.at("x"), Start())


async def process(runtime: TestRuntime) -> None:
    await runtime.tell(Process.at("x"), Start())
