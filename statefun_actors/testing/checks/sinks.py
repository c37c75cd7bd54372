"""``SINK_CHECKS``: what each sink must do with the records of its egress."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

import attrs

from statefun_actors.engine import Sink
from statefun_actors.ingress import IngressMessage
from statefun_actors.store import MemoryStore
from statefun_actors.testing.checks.running import LossyStore, Numbers, add_records, running, until_written
from statefun_actors.types import pack

_TURNS: Final = 25
"""Turns of the event loop after which a sink is stopped: each number below."""
_MANY: Final = 2_500
"""More records than an engine hands to a sink at once."""


@attrs.frozen(kw_only=True)
class SinkTarget:
    """A target that is empty at first, and how a check uses it.

    Args:
        open: returns a context manager of a new sink for the target, as a new process would create it:
            ``lambda: contextlib.closing(MySink(url))``, or ``contextlib.nullcontext(…)`` for one without ``close``.
        read: returns the numbers that the target has received, in its order. Each record of a check is a number, which
            :func:`statefun_actors.types.value_of` returns for ``record.value``.
        exactly_once: whether the target has each record once, also after a crash. Otherwise records may be there
            again, after those before them.
    """

    open: Callable[[], AbstractContextManager[Sink]]
    read: Callable[[], Sequence[int]]
    exactly_once: bool = True

    def has(self, count: int) -> None:
        """Assert that the target has the records 0 to *count* - 1, in order, and without repeats if exactly once."""
        got = list(self.read())
        if not self.exactly_once:
            got = list(dict.fromkeys(got))  # a repeat is right; the first copies must be in order
        assert got == list(range(count))


SinkCheck: TypeAlias = Callable[[SinkTarget], Awaitable[None]]
"""It takes an empty target, and raises AssertionError where the sink breaks the contract."""

SINK_CHECKS: Final[list[SinkCheck]] = []
"""All checks of sinks."""


def check(function: SinkCheck) -> SinkCheck:
    """Add *function* to the checks of sinks."""
    SINK_CHECKS.append(function)
    return function


async def _write_all(target: SinkTarget, store: MemoryStore) -> None:
    """Open a sink, as a new process does, and run it until it has written all records of *store*."""
    with target.open() as sink:
        async with running(store, sink=sink) as engine:
            await until_written(engine, store)


@check
async def records_are_written_in_order(target: SinkTarget) -> None:
    store = MemoryStore()
    with target.open() as sink:
        async with running(store, sink=sink) as engine:
            for number in range(20):
                engine.take(IngressMessage(Numbers.at("a"), pack(number), 0), lambda _: None)
                if number % 7 == 0:
                    await until_written(engine, store)
            await until_written(engine, store)
    target.has(20)


@check
async def thousands_of_records_are_written_in_order(target: SinkTarget) -> None:
    store = MemoryStore()
    await add_records(store, range(_MANY))
    await _write_all(target, store)
    target.has(_MANY)


@check
async def a_sink_without_records_writes_nothing(target: SinkTarget) -> None:
    store = MemoryStore()
    for _ in range(2):
        await _write_all(target, store)
    target.has(0)


@check
async def the_next_process_continues_after_the_last_record(target: SinkTarget) -> None:
    store = MemoryStore()
    for first in (0, 4, 8):
        await add_records(store, range(first, first + 4))
        await _write_all(target, store)
        target.has(first + 4)


@check
async def a_lost_commit_loses_and_repeats_no_record(target: SinkTarget) -> None:
    store = LossyStore()
    written = 0
    for stored in (False, True):
        for lost in range(6):
            await add_records(store, range(written, written + 4))
            written += 4
            store.lose([lost, lost + 1], stored=stored)
            await _write_all(target, store)
            target.has(written)


@check
async def a_stop_at_any_moment_loses_and_repeats_no_record(target: SinkTarget) -> None:
    store = MemoryStore()
    written = 0
    for turns in range(_TURNS):
        await add_records(store, range(written, written + 3))
        written += 3
        with target.open() as sink:
            async with running(store, sink=sink):
                for _ in range(turns):
                    await asyncio.sleep(0)
        if turns % 5 == 4:
            await _write_all(target, store)
            target.has(written)


@check
async def a_sink_resumes_again_while_it_does_not_run(target: SinkTarget) -> None:
    store = MemoryStore()
    await add_records(store, range(3))
    with target.open() as sink:
        sink.resume(None)
        sink.resume(None)
        async with running(store, sink=sink) as engine:
            await until_written(engine, store)
    target.has(3)
