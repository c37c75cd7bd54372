"""One page of a list: its first items, and whether there are more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, TypeVar

_T = TypeVar("_T")

ROWS: Final = 50
"""Of one page of a list."""
_LAST: Final = (1 << 63) - 1


def first(items: Iterable[_T]) -> tuple[list[_T], bool]:
    """The items of one page, and whether there are more behind them. Reads no further."""
    found = list(islice(items, ROWS + 1))
    return found[:ROWS], len(found) > ROWS


def number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    """The whole number *name* of *query*, *otherwise* if it is missing or none."""
    text = query.get(name, "")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(_LAST))):
        return otherwise
    return max(-_LAST, min(_LAST, int(text)))
