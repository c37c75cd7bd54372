"""The entries of the history: what happened to one entity, packed when its epoch is sealed and unpacked when read.

An entry is one batch: the messages of one entity that ran together, the fields that they changed with the bytes before
and after, and what they sent. Nothing is decoded, so an entry costs an encoding of tuples, and its values are read by
the classes of whoever looks at them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import ClassVar, Final, TypeAlias
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.model import Cancel, Effect, Egress, Send, SendAfter, TypedValue
from statefun_actors.store import HistoryRow, StoreError

KEEP: Final = "history"
"""The position of a store that has the number of messages that its last run kept of each entity."""
MOST_KEPT: Final = 1_000_000
"""The largest number of messages that can be kept of each entity."""
LARGEST_VALUE: Final = 8 * 1024
"""Bytes of the largest value that is recorded; of a larger one its size is."""


class Omitted(bytes):
    """No bytes, instead of the *size* bytes of a value that is too large to be recorded: these can be freed."""

    size: int

    @classmethod
    def of(cls, value: TypedValue) -> TypedValue:
        """*value*, without its bytes if they are too many."""
        if len(value.value) <= LARGEST_VALUE:
            return value
        omitted = cls()
        omitted.size = len(value.value)
        return TypedValue(value.typename, omitted)


Kept: TypeAlias = bytes | int
"""The bytes of a value; of one that is too large, its number of bytes."""
Packed: TypeAlias = tuple[str, Kept]
"""A value with its type."""


class Kind(IntEnum):
    """What an entry is about."""

    HANDLED = 0
    """Messages that ran, or that their failure policies settled."""
    GIVEN_UP = 1
    """A message that became a dead letter, or that an operator removed."""
    EDITED = 2
    """An operator has set a field."""
    PAUSED = 3
    RESUMED = 4
    ENDED = 5
    """All its fields have expired. Earlier entries are no longer shown."""
    GAP = 6
    """Messages of any entities that were not recorded: the engine was at its limit, or they were too large."""
    DISCARDED = 7
    """An operator has discarded a dead letter, which is the message of the entry."""


class Failure(Struct, frozen=True, array_like=True):
    """The last error of a message. *settlement*: empty if it was handled in the end."""

    index: int
    attempts: int
    error_type: str
    error: str
    settlement: str


class RecordedMessage(Struct, frozen=True, array_like=True):
    """A message. *mark*: the number of effects of its batch after it has run."""

    seq: int
    value: Packed
    caller: tuple[str, str] | None
    mark: int


class Change(Struct, frozen=True, array_like=True):
    """A state that changed. None: absent."""

    state: str
    before: Packed | None
    after: Packed | None


class Out(Struct, frozen=True, array_like=True):
    """An effect: a message, a delayed one (``delay_ms`` > 0), an egress record, a cancellation of *token*.

    ``seq``: of the message, the timer or the record; 0 if it has none, as a message to another partition, which gets
    one there.
    """

    kind: int
    seq: int
    to: str = ""
    id: str = ""
    value: Packed | None = None
    delay_ms: int = 0
    token: str | None = None


SEND: Final = 0
LATER: Final = 1
EGRESS: Final = 2
CANCEL: Final = 3


class Entry(Struct, frozen=True, array_like=True):
    """One batch of an entity, or one change by an operator.

    Args:
        id: empty if it is about all entities of the type; the type of a gap is empty, too.
        at_ms: when it ended, in milliseconds since 1970; of a gap, when that began.
        micros: its duration in microseconds, with all that it awaited.
        count: of a gap, the number of messages.
        until_ms: of a gap, its end.
    """

    type: str
    id: str
    at_ms: int
    kind: int
    micros: int = 0
    messages: Sequence[RecordedMessage] = ()
    changes: Sequence[Change] = ()
    out: Sequence[Out] = ()
    failures: Sequence[Failure] = ()
    count: int = 0
    until_ms: int = 0


class DamagedHistoryError(StoreError):
    """A row of the history can't be unpacked. No retry helps.

    Args:
        seq: of the row.
        error: why.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, seq: int, error: str) -> None:
        super().__init__(
            "",
            f"row {seq} of the history can't be unpacked: {error}",
            "State and messages are not affected. Restore a backup to see the entries up to this row.",
        )
        self.args = (seq, error)

    def __str__(self) -> str:
        return f"{self.reason}. {self.instead}"


encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Entry]).decode
_COMMON_KEY: Final = "gap"


def type_address(typename: str) -> Address:
    """What an entry has in place of an entity if it is about all entities of a function type."""
    address: Address = tuple.__new__(Address, (typename, ""))
    return address


@lru_cache(10_000)
def key_of(typename: str, id: str) -> str:
    """The key of the rows that have entries of this entity, and perhaps of a few others.

    Without an *id*: of those that have entries about many entities, gaps and changes to function types.
    """
    return _COMMON_KEY if not id else f"{crc32(f'{typename}/{id}'.encode(errors='surrogatepass')):08x}"


def row_of(seq: int, keys: Iterable[str], entries: Sequence[bytes]) -> HistoryRow:
    """The row *seq* of packed *entries*."""
    return HistoryRow(seq, " ".join(keys), b"".join((b"\xdd", struct.pack(">I", len(entries)), *entries)))


def gap_row(seq: int, from_ms: int, until_ms: int, messages: int) -> HistoryRow:
    """The row *seq* with a gap."""
    gap = encode(("", "", from_ms, Kind.GAP, 0, (), (), (), (), messages, until_ms))
    return row_of(seq, [key_of("", "")], [gap])


def entries_of(row: HistoryRow) -> list[Entry]:
    """The entries of *row*, oldest first, with their numbers as they are shown.

    Raises:
        DamagedHistoryError: it can't be unpacked.
    """
    try:
        entries = _decode(row.packed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedHistoryError(row.seq, str(error)) from error
    return entries if row.partitions == 1 else [_numbered(entry, row) for entry in entries]


def _numbered(entry: Entry, row: HistoryRow) -> Entry:
    """*entry* of one of several partitions, with numbers that no other one has."""

    def shown(seq: int) -> int:
        return seq * row.partitions + row.partition if seq else 0

    return replace(
        entry,
        messages=[replace(message, seq=shown(message.seq)) for message in entry.messages],
        out=[replace(out, seq=shown(out.seq)) for out in entry.out],
    )


def packed_value(value: TypedValue) -> Packed:
    data = value.value
    if data.__class__ is bytes and len(data) <= LARGEST_VALUE:  # most are; the rest is slower for them
        return (value.typename, data)
    if isinstance(data, Omitted):
        return (value.typename, data.size)
    return (value.typename, bytes(data) if len(data) <= LARGEST_VALUE else len(data))


def packed_effect(effect: Effect, seq: int) -> tuple[object, ...]:
    """*effect*, as an :class:`Out`."""
    match effect:
        case Send():
            return (SEND, seq, *effect.target, packed_value(effect.value))
        case SendAfter():
            return (LATER, seq, *effect.target, packed_value(effect.value), effect.delay_ms, effect.token)
        case Egress():
            return (EGRESS, seq, effect.egress, "", packed_value(effect.value))
        case Cancel():
            return (CANCEL, 0, "", "", None, 0, effect.token)


_CHANGES: Final[Mapping[int, str]] = {
    Kind.EDITED: "field set",
    Kind.PAUSED: "paused",
    Kind.RESUMED: "resumed",
    Kind.DISCARDED: "dead letter discarded",
}


def change_of(entry: Entry) -> str:
    """What an operator did, in the words that all views have for it; ``message`` if it is no change by an operator."""
    return _CHANGES.get(entry.kind, "message")
