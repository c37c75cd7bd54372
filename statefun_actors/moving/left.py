"""``Left``: what of a store is not moved."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

_NAMED: Final = 3
"""The number of addresses that are named of what is left."""


class Left(Struct):
    """What is not moved: a kind of it, its number, and where the first ones are."""

    what: str
    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, where: str, count: int = 1) -> None:
        """*count* more, at *where*."""
        self.count += count
        if len(self.first) < _NAMED and where not in self.first:
            self.first.append(where)

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.first) else ""
        return f"{self.what}: {self.count:,} ({', '.join(self.first)}{more})"
