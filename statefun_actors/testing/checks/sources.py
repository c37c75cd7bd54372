"""``SOURCE_CHECKS``: what each source must do with the messages of its input."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

import attrs

from statefun_actors.address import Address
from statefun_actors.engine import Engine, Source
from statefun_actors.model import Headers, TypedValue
from statefun_actors.store import MemoryStore, unpack
from statefun_actors.testing.checks.running import LossyStore, Numbers, in_time, running
from statefun_actors.types import value_of

_COUNT: Final = 10
_MANY: Final = 2_500


@attrs.frozen(kw_only=True)
class SourceInput:
    """How a check fills an input, and reads it.

    Args:
        fill: makes the input have these messages, in this order: each is an address, and a number, which is sent as
            ``statefun_actors.types.pack(number)``. A check calls it once.
        open: returns a context manager of a new source for the input, as a new process would create it:
            ``lambda: contextlib.closing(MySource(path))``, or ``contextlib.nullcontext(…)`` for one without ``close``.
        ends: whether the input has an end, so that the source becomes ``exhausted``. Otherwise it waits for more.
    """

    fill: Callable[[Sequence[tuple[Address, int]]], object]
    open: Callable[[], AbstractContextManager[Source]]
    ends: bool = True


SourceCheck: TypeAlias = Callable[[SourceInput], Awaitable[None]]
"""It takes an input, and raises AssertionError where the source breaks the contract."""

SOURCE_CHECKS: Final[list[SourceCheck]] = []
"""All checks of sources."""


def check(function: SourceCheck) -> SourceCheck:
    """Add *function* to the checks of sources."""
    SOURCE_CHECKS.append(function)
    return function


class _Inbox:
    """Collects what a source submits."""

    def __init__(self) -> None:
        self.messages: list[tuple[Address, int]] = []

    def submit(
        self,
        target: Address,
        value: TypedValue,
        *,
        delay_ms: int = 0,
        headers: Headers | None = None,  # noqa: ARG002 - the protocol
        caller: Address | None = None,  # noqa: ARG002 - the protocol
    ) -> None:
        assert delay_ms == 0, f"expected a message without a delay, got {delay_ms} ms"
        number = value_of(value)
        assert isinstance(number, int), f"expected pack(number) as the value, got {number!r}"
        self.messages.append((target, number))

    def emit(self, egress: str, value: TypedValue, headers: Headers | None = None) -> None:  # noqa: ARG002 - the protocol
        raise AssertionError(f"expected messages only, got a record for {egress}: {value_of(value)!r}")

    def when_durable(self, on_end: Callable[[None], object]) -> None:
        on_end(None)

    def wake(self) -> None:
        """A check reads again anyway."""


def _messages(count: int) -> list[tuple[Address, int]]:
    return [(Numbers.at("abc"[number % 3]), number) for number in range(count)]


async def _read(source: Source, most: int, count: int) -> tuple[list[tuple[Address, int]], list[str]]:
    """*count* messages of *source*, or fewer if it is exhausted, and the position after each read."""
    inbox, positions = _Inbox(), list[str]()
    async with in_time(lambda: f"expected {count} messages or an exhausted source, got {len(inbox.messages)} messages"):
        while len(inbox.messages) < count and not source.exhausted:
            before = len(inbox.messages)
            position = source.read(most, inbox)
            read = len(inbox.messages) - before
            assert read <= most, f"expected at most {most} messages, got {read}"
            assert (position is not None) == (read > 0), f"expected a position after messages only, got {position!r}"
            if position is not None:
                positions.append(position)
            else:
                await asyncio.sleep(0.001)  # its input may come from elsewhere, such as a thread
    return inbox.messages, positions


async def _read_after(
    input: SourceInput, position: str | None, most: int, count: int
) -> tuple[list[tuple[Address, int]], list[str]]:
    """What :func:`_read` returns of a source that a new process opens and resumes after *position*."""
    with input.open() as source:
        source.resume(position)
        return await _read(source, most, count)


@check
async def messages_are_read_in_order(input: SourceInput) -> None:
    expected = _messages(_COUNT)
    input.fill(expected)
    for most in (1, 3, _COUNT, 1_000):
        read, _ = await _read_after(input, None, most, _COUNT)
        assert read == expected


@check
async def thousands_of_messages_are_read_in_order(input: SourceInput) -> None:
    expected = _messages(_MANY)
    input.fill(expected)
    read, _ = await _read_after(input, None, 1_000, _MANY)
    assert read == expected


@check
async def the_next_process_resumes_after_the_position(input: SourceInput) -> None:
    expected = _messages(_COUNT)
    input.fill(expected)
    _, positions = await _read_after(input, None, 1, _COUNT)
    for number, position in enumerate(positions, start=1):
        read, _ = await _read_after(input, position, 3, _COUNT - number)
        assert read == expected[number:]


@check
async def a_source_resumes_at_an_earlier_position_after_a_lost_commit(input: SourceInput) -> None:
    expected = _messages(_COUNT)
    input.fill(expected)
    with input.open() as source:
        source.resume(None)
        _, positions = await _read(source, 1, _COUNT)
        for number in (7, 2, 9):
            source.resume(positions[number - 1])
            read, _ = await _read(source, 1_000, _COUNT - number)
            assert read == expected[number:]
        source.resume(None)
        read, _ = await _read(source, 1_000, _COUNT)
        assert read == expected


@check
async def a_source_is_exhausted_at_the_end_of_its_input(input: SourceInput) -> None:
    expected = _messages(_COUNT)
    input.fill(expected)
    with input.open() as source:
        source.resume(None)
        assert not source.exhausted
        _, positions = await _read(source, 4, _COUNT + (1 if input.ends else 0))
        assert source.exhausted == input.ends
        assert source.read(4, _Inbox()) is None
        source.resume(positions[0])
        assert not source.exhausted


@check
async def an_empty_input_has_no_messages(input: SourceInput) -> None:
    input.fill([])
    with input.open() as source:
        source.resume(None)
        assert source.read(10, _Inbox()) is None
        assert source.exhausted == input.ends


@check
async def each_message_counts_once_although_commits_are_lost(input: SourceInput) -> None:
    input.fill(_messages(_COUNT))
    for stored in (False, True):
        for lost in ([0], [1], [0, 1, 3], [2, 4]):
            store = LossyStore()
            store.lose(lost, stored=stored)
            with input.open() as source:
                async with running(store, sources={"check": source}) as engine:
                    await _until_read(engine, store)
            assert _seen(store) == {id: [number for at, number in _messages(_COUNT) if at.id == id] for id in "abc"}


async def _until_read(engine: Engine, store: MemoryStore) -> None:
    async with in_time(lambda: f"expected {_COUNT} messages, got {_seen(store)}"):
        while sum(map(len, _seen(store).values())) < _COUNT:
            engine.wake()
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)


def _seen(store: MemoryStore) -> dict[str, list[int]]:
    """The numbers that each entity has seen, in order."""
    found = {}
    for row in store.entities("check/numbers"):
        state = unpack(row.address, row.packed, ()).state
        if (seen := state.get("seen")) is not None:
            found[row.address.id] = value_of(seen)
    return found
