"""Further entities with a mistake each, which no run without faults shows: state and calls outside."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from statefun_actors import Discard, Entity, NoAnswer, activity, answers, handles, persisted
from statefun_actors.testing import TestRuntime
from tests.testing.simulation.planted import Add, Start, adds

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


_sums: contextvars.ContextVar[list[int]] = contextvars.ContextVar("_sums", default=[])  # noqa: B039 - the mistake


class Context(Entity, typename="planted/context"):
    """It adds up in the list that is the default of a context variable, and outlives the context of a message."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        seen = _sums.get()
        seen.append(added.cents)
        self.total = sum(seen)


async def context(runtime: TestRuntime) -> None:
    _sums.get().clear()
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


async def start(runtime: TestRuntime, cls: Any) -> None:
    await runtime.tell(cls.at("x"), Start())
