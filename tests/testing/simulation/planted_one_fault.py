"""Mistakes that only one kind of fault shows, and no other kind."""

from __future__ import annotations

import asyncio
from typing import Final

from statefun_actors import Entity, handles, message, persisted
from statefun_actors.testing import TestRuntime


@message("planted/numbered")
class Numbered:
    number: int


@message("planted/begin")
class Begin:
    pass


# --- kills: a number beyond the end of the lost epoch

_highest: Final[list[int]] = []


class Chained(Entity, typename="planted/chained"):
    """It takes a greater number in a module for one that overtook it. Only a lost epoch brings an earlier one again."""

    overtaken: int = persisted(default=0)

    @handles
    def take(self, numbered: Numbered) -> None:
        if _highest and _highest[-1] > numbered.number:
            self.overtaken += 1
        _highest.append(numbered.number)
        if numbered.number < 3:
            self.send(Chained.at(str(numbered.number + 1)), Numbered(numbered.number + 1))


async def lost_epoch(runtime: TestRuntime) -> None:
    _highest.clear()
    await runtime.tell(Chained.at("1"), Numbered(1))


# --- twice: a guard that lasts for a turn of the event loop

_busy: Final = set[str]()


class Guarded(Entity, typename="planted/guarded"):
    """It takes a second call in the same turn of the event loop for a repeat."""

    count: int = persisted(default=0)

    @handles
    def begin(self, _: Begin) -> None:
        if self.id in _busy:
            return
        _busy.add(self.id)
        asyncio.get_running_loop().call_soon(_busy.discard, self.id)
        self.count += 1


async def guard(runtime: TestRuntime) -> None:
    _busy.clear()
    await runtime.tell(Guarded.at("g"), Begin())


# --- batches: an object that lives as long as a batch

_batches: Final = dict[tuple[str, int], object]()


class Instance(Entity, typename="planted/instance"):
    """It takes the next message for one of the same group if it is in the same batch."""

    grouped: int = persisted(default=0)

    @handles
    def begin(self, _: Begin) -> None:
        for number in range(3):
            self.send(self.address, Numbered(number))

    @handles
    def take(self, numbered: Numbered) -> None:
        batch = None if self.__scope__ is None else self.__scope__.batch
        if _batches.get((self.id, numbered.number - 1)) is batch:
            self.grouped += 1
        _batches[self.id, numbered.number] = batch


async def one_batch(runtime: TestRuntime) -> None:
    _batches.clear()
    await runtime.tell(Instance.at("i"), Begin())


# --- right entities, for mistakes of other parts


class Right(Entity, typename="planted/right"):
    """It counts, notes callers, and sends records."""

    count: int = persisted(default=0)
    callers: list[str] = persisted(factory=list[str])

    @handles
    def begin(self, _: Begin) -> None:
        self.send(Right.at("other"), Numbered(1))

    @handles
    def take(self, numbered: Numbered) -> None:
        self.count += numbered.number
        self.callers.append("" if self.caller is None else self.caller.typename)
        self.send_egress("planted/records", f"record {self.count}")


async def counts(runtime: TestRuntime) -> None:
    for _ in range(3):
        await runtime.tell(Right.at("r"), Begin())
