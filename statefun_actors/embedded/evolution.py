"""Classes that change between two runs: what a store remembers of those that wrote it, and what that means for a start.

With its first commit an engine notes under ``shape:<function type>`` how each type looked: its states and their types,
and which messages it took. The next engine looks only where that differs. What is stored and can't be read any more is
found by reading it: no class is refused for a change that does no harm.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from statefun_actors.definition import Field, FunctionType
from statefun_actors.dispatch import Application
from statefun_actors.embedded.rows import DamagedStateError, expire, unpack
from statefun_actors.embedded.store import StoreReader
from statefun_actors.errors import StateDecodeError, StatefunActorsError
from statefun_actors.model import Address, TypedValue

logger: Final = logging.getLogger("statefun_actors.engine")

_KEY: Final = "shape:{}"
_LOOKED_AT: Final = 10_000
"""Entities of a type that has changed that are read at the most, to find one that can't be. Those that only one behind
them would have told of fail the batches that touch them, as any state that can't be read does.
"""
_LOOKED_AT_BLINDLY: Final = 500
"""The same where it isn't known whether anything has changed."""
_CHUNK: Final = 1_000


class _Shape(msgspec.Struct, frozen=True):
    states: dict[str, tuple[str, str]]
    """Typename and spelling of each state's type."""
    takes: list[str]
    """The typenames of messages that have a handler."""


class UnreadableState(msgspec.Struct, frozen=True):
    """A state that is stored as one type and declared as another one. ``was``: how its class spelled that, if known."""

    address: Address
    state: str
    declared: str
    stored: str
    was: str | None

    def __str__(self) -> str:
        was = f", written when its type was {self.was}" if self.was is not None and self.was != self.declared else ""
        return (
            f"{self.address.typename}: the state {self.state!r} is {self.declared} now, but {self.address} holds "
            f"it as {self.stored!r}{was}"
        )


class IncompatibleStateError(StatefunActorsError):
    """What is stored does not fit the classes to be run. Nothing was run or changed; other classes cure it."""

    def __init__(self, found: Sequence[UnreadableState]) -> None:
        super().__init__(tuple(found))
        self.found = tuple(found)

    def __str__(self) -> str:
        return (
            "the store was written by other versions of these classes:"
            + "".join(f"\n  - {each}" for each in self.found)
            + "\nNothing was changed. Go back to the type that wrote it, or declare persisted(..., convert=fn) to read "
            "it, or give the new field another name and leave the old state where it is."
        )


def shapes(app: Application) -> Mapping[str, str]:
    """The positions that say how the types of *app* look."""
    return {
        _KEY.format(name): msgspec.json.encode(_shape(route.function)).decode() for name, route in app.routes.items()
    }


def check_shapes(app: Application, store: StoreReader, now_ms: int) -> None:
    """See whether *app* can go on with what is in *store*, and log what it leaves without a handler.

    Raises:
        IncompatibleStateError: a state that can't be read, of each field that has one.
        StoreError: the store can't be read.
    """
    positions = store.recover().positions
    found: list[UnreadableState] = []
    dropped: set[tuple[str, str]] = set()
    for name, text in shapes(app).items():
        if positions.get(name) == text:
            continue
        function = app.routes[name.removeprefix(_KEY.format(""))].function
        before = _decoded(positions.get(name))
        found += _unreadable(function, before, store, now_ms)
        if before is not None and function.any_handler is None:
            dropped |= {(function.typename, message) for message in before.takes if message not in function.handlers}
    if found:
        raise IncompatibleStateError(found)
    if dropped:
        _tell_of_dropped(dropped, store)


def _shape(function: FunctionType) -> _Shape:
    states = {field.state_name: (field.typename, field.spelling) for field in function.persisted}
    return _Shape(states, sorted(function.handlers))


def _decoded(position: str | None) -> _Shape | None:
    try:
        return None if position is None else msgspec.json.decode(position, type=_Shape)
    except msgspec.MsgspecError:  # of another version: the same as none
        return None


def _unreadable(
    function: FunctionType, before: _Shape | None, store: StoreReader, now_ms: int
) -> Iterator[UnreadableState]:
    states, known = _shape(function).states, {} if before is None else before.states
    left = {
        field.state_name: field
        for field in function.persisted
        if field.convert is None and known.get(field.state_name) != states[field.state_name]
    }
    most = _LOOKED_AT_BLINDLY if before is None else _LOOKED_AT
    rows = islice(store.entities(function.typename), most) if left else ()
    for row in rows:
        try:
            record = unpack(row.address, row.packed, ())
        except DamagedStateError:  # that of no class: it fails the batches of its address
            continue
        expire(record, function.states, now_ms)
        for name, field in list(left.items()):
            stored = record.state.get(name)
            if stored is not None and not _reads(field, stored):
                del left[name]
                was = known[name][1] if name in known else None
                yield UnreadableState(row.address, name, field.spelling, stored.typename, was)
        if not left:
            return


def _reads(field: Field, stored: TypedValue) -> bool:
    try:
        field.read("", stored)
    except StateDecodeError:
        return False
    return True


def _tell_of_dropped(dropped: set[tuple[str, str]], store: StoreReader) -> None:
    waiting = Counter(
        (message.target.typename, message.value.typename)
        for message in store.messages()
        if (message.target.typename, message.value.typename) in dropped
    )
    pending: Counter[tuple[str, str]] = Counter()
    at = (-(1 << 62), 0)
    while chunk := store.timers_after(*at, _CHUNK):
        at = (chunk[-1].due_ms, chunk[-1].seq)
        pending.update(
            (timer.target.typename, timer.value.typename)
            for timer in chunk
            if (timer.target.typename, timer.value.typename) in dropped
        )
    for typename, message in sorted(dropped):
        now, later = waiting[typename, message], pending[typename, message]
        if now or later:
            logger.warning(
                "%s has no handler for %s any more: %d waiting and %d delayed messages become dead letters, unless a "
                "failure policy says otherwise. Put the handler back and retry them.",
                typename,
                message,
                now,
                later,
            )
