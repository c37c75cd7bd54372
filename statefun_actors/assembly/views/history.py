"""One entity's history as Python values."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from statefun_actors.address import Address
from statefun_actors.dispatch import Application, unwrapped
from statefun_actors.engine import at_ms
from statefun_actors.entity import EntityFunction
from statefun_actors.errors import StateDecodeError
from statefun_actors.history import Entry, Kind, Packed, Place, RecordedMessage, change_of, history_items
from statefun_actors.model import INGRESS, Invocation, TypedValue
from statefun_actors.store import StoreReader
from statefun_actors.types import value_of


@attrs.frozen
class HistoryEntry:
    """A message that an entity handled, a change by an operator, or a gap.

    What the entity sent is not in it; ``statefun-actors history`` and the console show that.

    Args:
        time: when it ended; of a gap, when that began.
        kind: ``message``, ``field set``, ``paused``, ``resumed``, ``type paused``, ``type resumed``,
            ``dead letter discarded``, which has its message; or ``not recorded`` for a gap: messages of any entities
            that were not recorded, since the engine was at its limit, or they were too large.
        message: the message; a TypedValue if it can't be decoded; None without one, or if it was too large to be kept.
        sender: the entity or function that sent it; None for callers outside.
        before: the fields that changed, with their values before; None for a field that was absent.
        after: the same fields with their values after.
        outcome: ``handled``, or what became of a message that was given up, such as ``dead letter``.
        attempts: the number of them, 1 without a failure.
        error: the last error with its type; empty without one.
        duration: of its batch, with all that this awaited.
        together: the number of messages in its batch; *before* and *after* are at the last of them.
        messages: of a gap, the number of messages; else 0.
        until: of a gap, when it ended; else None.
    """

    time: datetime
    kind: str
    message: object = None
    sender: Address | None = None
    before: Mapping[str, object] = attrs.field(factory=dict)
    after: Mapping[str, object] = attrs.field(factory=dict)
    outcome: str = ""
    attempts: int = 0
    error: str = ""
    duration: timedelta = timedelta(0)
    together: int = 0
    messages: int = 0
    until: datetime | None = None


def history_seen(app: Application, store: StoreReader, address: Address) -> Iterator[HistoryEntry]:
    """The last entries of the history of *address*, newest first: as many as are kept, and the gaps between them.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """

    def items_of(_: Place, entry: Entry) -> list[HistoryEntry]:
        return list(_entries(app, address, entry))

    return history_items(store, app.addresses_of(address), items_of, _without_place)


def _without_place(entry: Entry) -> HistoryEntry:
    time = at_ms(entry.at_ms)
    if entry.kind == Kind.GAP:
        return HistoryEntry(time, "not recorded", messages=entry.count, until=at_ms(entry.until_ms))
    return HistoryEntry(time, f"type {change_of(entry)}")


def _entries(app: Application, address: Address, entry: Entry) -> Iterator[HistoryEntry]:
    time = at_ms(entry.at_ms)
    before, after = _fields(app, address, entry)
    if not entry.messages:
        yield HistoryEntry(time, change_of(entry), before=before, after=after)
        return
    failures = {failure.index: failure for failure in entry.failures}
    for index, message in enumerate(entry.messages):
        value, sender = _message(app, message)
        failure, last = failures.get(index), index == len(entry.messages) - 1
        yield HistoryEntry(
            time,
            change_of(entry),
            value,
            sender,
            before if last else {},
            after if last else {},
            "handled" if failure is None or not failure.settlement else failure.settlement,
            1 if failure is None else failure.attempts,
            "" if failure is None or not failure.error_type else f"{failure.error_type}: {failure.error}",
            timedelta(microseconds=entry.micros),
            len(entry.messages),
        )


def _message(app: Application, message: RecordedMessage) -> tuple[object, Address | None]:
    typename, data = message.value
    caller: Address | None = None if message.caller is None else Address(*message.caller)
    value: object = None
    if isinstance(data, bytes):
        inside = unwrapped(Invocation(TypedValue(typename, data), caller))
        value, caller = value_of(inside.argument, app.codecs()), inside.caller
    return value, None if caller is None or caller.typename == INGRESS else app.current(caller)


def _fields(app: Application, address: Address, entry: Entry) -> tuple[dict[str, object], dict[str, object]]:
    served = app.served_function(address.typename)
    function = None if served is None else served.function
    fields: dict[str, Any] = (
        {each.state_name: each for each in function.fields} if isinstance(function, EntityFunction) else {}
    )

    def value(state: str, packed: Packed | None) -> object:
        if packed is None or not isinstance(packed[1], bytes):
            return None
        stored = TypedValue(packed[0], packed[1])
        if state in fields:
            with contextlib.suppress(StateDecodeError):
                return fields[state].field.read(str(address), stored)
        return value_of(stored, app.codecs())

    names = {state: each.name for state, each in fields.items()}
    return (
        {names.get(change.state, change.state): value(change.state, change.before) for change in entry.changes},
        {names.get(change.state, change.state): value(change.state, change.after) for change in entry.changes},
    )
