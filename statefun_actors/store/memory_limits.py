"""Refuses what a database refuses, for the store in memory: so that tests see the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from statefun_actors.store.errors import CommitRefusedError, unstorable_text
from statefun_actors.store.rows import Commit, EgressRecord, Message, Timer
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
    if _small(commit, largest_row):
        return
    for row in _rows_of(commit):
        size = sum(map(_size, row))
        if size > largest_row:
            raise CommitRefusedError(_NAME, f"expected rows of at most {largest_row:,} bytes, got one of {size:,}")


def _small(commit: Commit, largest_row: int) -> bool:
    """Whether all columns of *commit* together are one row that is accepted; so is each row then.

    This takes a quarter of the time of a look at each row. False: a column, or a kind of row, needs that look.
    """
    if commit.egress or commit.dead_letters or commit.requests or commit.positions:
        return False
    texts: list[str] = []
    numbers: list[int] = [0]
    size = 0
    for row in commit.entities:
        texts += row.address
        if row.packed is not None:
            size += len(row.packed)
        if row.expires_ms is not None:
            numbers.append(row.expires_ms)
    for part in commit.history:
        texts.append(part.keys)
        numbers.append(part.seq)
        size += len(part.packed)
    messages: list[Message | Timer] = [*commit.messages, *commit.timers]
    for message in messages:
        if message.headers is not None:
            return False
        texts += message.target
        if message.caller is not None:
            texts += message.caller
        texts.append(message.value.typename)
        size += len(message.value.value)
        numbers.append(message.seq)
    for timer in commit.timers:
        numbers.append(timer.due_ms)
        if timer.token is not None:
            texts.append(timer.token)
    text = "".join(texts)
    if not text.isascii() or min(numbers) < _LEAST_INT or max(numbers) > _GREATEST_INT:
        return False
    # A number takes 8 bytes, and so does None, which at most six columns of a row are.
    columns = len(numbers) + 6 * (len(commit.entities) + len(commit.messages) + len(commit.timers))
    return len(text) + size + 8 * columns <= largest_row


def _rows_of(commit: Commit) -> Iterator[tuple[_Column, ...]]:
    """The rows that a database would write for *commit*, as their columns."""
    for row in commit.entities:
        yield (*row.address, row.expires_ms, row.packed)
    for message in commit.messages:
        yield _columns(message)
    for timer in commit.timers:
        yield (timer.due_ms, timer.token, *_columns(timer))
    for record in commit.egress:
        yield (record.seq, record.egress, *_header_texts(record), record.value.typename, record.value.value)
    for letter in commit.dead_letters:
        yield (letter.error_type, letter.error, letter.attempts, letter.time_ms, *_columns(letter.message))
    for part in commit.history:
        yield (part.seq, part.keys, part.packed)
    for request in commit.requests:
        result = (None, None) if request.result is None else (request.result.typename, request.result.value)
        yield (*request.target, request.key, request.digest, request.time_ms, request.request, *result)
    yield from commit.positions.items()


def _columns(message: Message | Timer) -> tuple[_Column, ...]:
    caller = message.caller or (None, None)
    whose = (*message.target, *caller, *_header_texts(message))
    return (message.seq, *whose, message.value.typename, message.value.value)


def _header_texts(row: EgressRecord | Message | Timer) -> tuple[str, ...]:
    return () if row.headers is None else (*row.headers, *row.headers.values())


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
