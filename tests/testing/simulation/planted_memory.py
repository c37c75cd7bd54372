"""Entities whose mistake is to keep something in memory, outside their fields; with a scenario for each."""

from __future__ import annotations

import asyncio
import functools
import itertools
from typing import ClassVar

from statefun_actors import Entity, handles, persisted
from statefun_actors.testing import TestRuntime
from tests.testing.simulation.planted import Add, Note, Start, adds, cache, last, outside, taken


class ModuleCache(Entity, typename="planted/module-cache"):
    """It keeps its sum in a module, and writes it to its field."""

    total: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        cache[self.id] = 0

    @handles(Add)
    def add(self, added: Add) -> None:
        cache[self.id] = cache.get(self.id, 0) + added.cents
        self.total = cache[self.id]


async def module_cache(runtime: TestRuntime) -> None:
    await runtime.tell(ModuleCache.at("ada"), Start())
    await adds(runtime, ModuleCache)


class SharedDefault(Entity, typename="planted/shared-default"):
    """All entities share its list, which is no field."""

    seen: ClassVar[list[int]] = []
    count: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        SharedDefault.seen.clear()

    @handles(Add)
    def add(self, added: Add) -> None:
        SharedDefault.seen.append(added.cents)
        self.count = len(SharedDefault.seen)


async def shared_default(runtime: TestRuntime) -> None:
    await runtime.tell(SharedDefault.at("ada"), Start())
    await adds(runtime, SharedDefault)


class RepeatedCall(Entity, typename="planted/repeated-call"):
    """It charges a card in its handler."""

    receipts: list[int] = persisted(factory=list)

    @handles(Add)
    def add(self, added: Add) -> None:
        outside.charge(added.cents)


async def repeated_call(runtime: TestRuntime) -> object:
    outside.charged.clear()
    await adds(runtime, RepeatedCall)
    return sum(outside.charged)


class CallCount(Entity, typename="planted/call-count"):
    """It keeps the count of a service outside."""

    receipt: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        self.receipt = outside.charge(added.cents)


async def call_count(runtime: TestRuntime) -> None:
    outside.charged.clear()
    await adds(runtime, CallCount)


# --- batches


class BatchCounter(Entity, typename="planted/batch-counter"):
    """It sends its sum once it has ten, counted in a module."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        seen = cache.setdefault("batch", 0) + 1
        cache["batch"] = seen % 4
        self.total += added.cents
        if seen == 4:
            self.send_egress("planted/sums", Note(str(self.total)))


async def batch_counter(runtime: TestRuntime) -> None:
    cache.pop("batch", None)
    await adds(runtime, BatchCounter)


# --- identity of objects


class Identity(Entity, typename="planted/identity"):
    """It remembers its last note as an object, outside its fields."""

    changes: int = persisted(default=0)

    @handles(Note)
    def note(self, note: Note) -> None:
        if last.get(self.id) != note.text:
            last[self.id] = note.text
            self.changes += 1


async def identity(runtime: TestRuntime) -> None:
    last.clear()
    for text in ("a", "a", "b"):
        await runtime.tell(Identity.at("x"), Note(text))


# --- long values


class LongLog(Entity, typename="planted/long-log"):
    """The last entry of its long log has a count that it keeps in a module."""

    entries: list[str] = persisted(factory=list)

    @handles(Add)
    def add(self, _: Add) -> None:
        cache["long"] = cache.get("long", 0) + 1
        self.entries += ["an entry of the log"] * 9
        if len(self.entries) == 36:
            self.entries.append(f"count {cache['long']}")


async def long_log(runtime: TestRuntime) -> None:
    cache.pop("long", None)
    await adds(runtime, LongLog)


class LongRecord(Entity, typename="planted/long-record"):
    """Its long record ends with a count that it keeps in a module."""

    @handles(Start)
    def start(self, _: Start) -> None:
        cache["long"] = cache.get("long", 0) + 1
        self.send_egress("planted/long", Note("-" * 300 + str(cache["long"])))


async def long_record(runtime: TestRuntime) -> None:
    cache.pop("long", None)
    await runtime.tell(LongRecord.at("x"), Start())


class Grows(Entity, typename="planted/grows"):
    """It counts runs in a module, so each test begins where the last one ended."""

    runs: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        cache["runs"] = self.runs = cache.get("runs", 0) + 1


async def grows(runtime: TestRuntime) -> None:
    await runtime.tell(Grows.at("x"), Start())


# --- threads and tasks


class Detached(Entity, typename="planted/detached"):
    """It hands its message to a queue in memory, and handles the queue with the next message."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        queue.append(added.cents)
        if len(queue) > 1:
            self.total += queue.pop(0)


queue: list[int] = []


async def detached(runtime: TestRuntime) -> None:
    queue.clear()
    await adds(runtime, Detached)


class Once(Entity, typename="planted/once"):
    """It takes each message once, by a set in a module, so that a crashed message is not repeated."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        if added.cents not in taken:
            taken.add(added.cents)
            self.total += added.cents


async def once(runtime: TestRuntime) -> None:
    taken.clear()
    await adds(runtime, Once)


class Retried(Entity, typename="planted/retried"):
    """It sends only where its module says that it has not sent yet."""

    @handles(Start)
    def start(self, _: Start) -> None:
        if "sent" not in cache:
            cache["sent"] = 1
            self.send_egress("planted/sent", Note(self.id))


async def retried(runtime: TestRuntime) -> None:
    cache.pop("sent", None)
    await runtime.tell(Retried.at("x"), Start())


# --- numbers from outside the fields

numbers = itertools.count(1)


class Invoice(Entity, typename="planted/invoice"):
    """Its number is the next of a counter in a module, so that numbers are missing after a crash."""

    number: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.number = next(numbers)


async def invoices(runtime: TestRuntime) -> None:
    global numbers  # noqa: PLW0603 - each run counts from 1
    numbers = itertools.count(1)
    for id in "abc":
        await runtime.tell(Invoice.at(id), Start())


@functools.cache
def price(id: str, cents: int) -> list[int]:
    return [cents]


class Cached(Entity, typename="planted/cached"):
    """It changes the result of a cached function."""

    prices: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        found = price(self.id, 0)
        found.append(added.cents)
        self.prices = sum(found)


async def cached(runtime: TestRuntime) -> None:
    price.cache_clear()
    await adds(runtime, Cached)


class Background(Entity, typename="planted/background"):
    """A task of its handler calls a service, also if the message fails."""

    @handles(Add)
    async def add(self, added: Add) -> None:
        task = asyncio.create_task(self.charge(added.cents))
        await task

    async def charge(self, cents: int) -> None:
        outside.charge(cents)


async def background(runtime: TestRuntime) -> object:
    outside.charged.clear()
    await adds(runtime, Background)
    return list(outside.charged)
