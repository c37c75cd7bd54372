"""The approximate bytes of stored rows in memory, to bound them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from statefun_actors.store.rows import Message, Timer

CHUNK_BYTES: Final = 16 * 1024 * 1024
"""Bytes of rows above which no further ones are read at once."""

_Row = TypeVar("_Row", Message, Timer)


def size_of(row: Message | Timer) -> int:
    """The bytes of its value, and of its texts: all that its sender can make large."""
    value = row.value
    size = len(value.value) + len(value.typename) + len(row.target[1])
    if row.headers is not None:
        size += sum(len(name) + len(text) for name, text in row.headers.items())
    return size


def up_to(rows: Iterable[_Row], most_bytes: int | None) -> list[_Row]:
    """*rows* up to the first one with which they have *most_bytes* together; None: all."""
    if most_bytes is None:
        return list(rows)
    found, size = [], 0
    for row in rows:
        found.append(row)
        size += size_of(row)
        if size >= most_bytes:
            break
    return found
