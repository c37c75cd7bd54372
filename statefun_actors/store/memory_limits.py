"""Refuses what a database refuses, for the store in memory: so that tests see the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from statefun_actors.store.contract import CommitRefusedError, unstorable_text
from statefun_actors.store.rows import Commit, Message, Timer
from statefun_actors.text import shortened

_NAME: Final = "in memory"
_LEAST_INT: Final = -(1 << 63)
_GREATEST_INT: Final = (1 << 63) - 1

_Column: TypeAlias = str | bytes | int | None


def check_storable(commit: Commit, largest_row: int) -> None:
    """Check the rows that a database would write for *commit*. *largest_row*: bytes of all columns of one together.

    Raises:
        CommitRefusedError: a string with an unpaired surrogate, an int of more than 64 bits, a row too large.
    """
    for row in _rows_of(commit):
        size = sum(map(_size, row))
        if size > largest_row:
            raise CommitRefusedError(_NAME, f"expected rows of at most {largest_row:,} bytes, got one of {size:,}")


def _rows_of(commit: Commit) -> Iterator[tuple[_Column, ...]]:
    """The rows that a database would write for *commit*, as their columns."""
    for row in commit.entities:
        yield (*row.address, row.expires_ms, row.packed)
    for message in commit.messages:
        yield _columns(message)
    for timer in commit.timers:
        yield (timer.due_ms, timer.token, *_columns(timer))
    for record in commit.egress:
        yield (record.seq, record.egress, record.value.typename, record.value.value)
    for letter in commit.dead_letters:
        yield (letter.error_type, letter.error, letter.attempts, letter.time_ms, *_columns(letter.message))
    for request in commit.requests:
        result = (None, None) if request.result is None else (request.result.typename, request.result.value)
        yield (*request.target, request.key, request.digest, request.time_ms, request.request, *result)
    yield from commit.positions.items()


def _columns(message: Message | Timer) -> tuple[_Column, ...]:
    caller = message.caller or (None, None)
    headers = () if message.headers is None else (*message.headers, *message.headers.values())
    return (message.seq, *message.target, *caller, *headers, message.value.typename, message.value.value)


def _size(column: _Column) -> int:
    """Bytes of *column* in a database.

    Raises:
        CommitRefusedError: a database refuses it.
    """
    if isinstance(column, str):
        try:
            return len(column) if column.isascii() else len(column.encode())
        except UnicodeEncodeError:
            raise unstorable_text(_NAME, column) from None
    if isinstance(column, bytes):
        return len(column)
    if column is not None and not _LEAST_INT <= column <= _GREATEST_INT:
        raise CommitRefusedError(_NAME, f"{shortened(str(column), 40)} is not an integer of 64 bits")
    return 8
