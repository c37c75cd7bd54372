"""``Shares``: divides a bound among function types, so that one of them can't use all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_PARTS: Final = 3


class Shares:
    """What each function type uses of *most*: as much as it wants, up to three quarters of what the others leave.

    One that uses nothing is never refused.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self._by_type: dict[str, int] = {}

    def add(self, typename: str, amount: int) -> None:
        """*typename* uses *amount* more; less, if it is negative."""
        self.used += amount
        self._by_type[typename] = self._by_type.get(typename, 0) + amount

    def full(self, typename: str) -> bool:
        """Whether *typename* has used up its share."""
        used = self._by_type.get(typename, 0)
        return used > 0 and used >= _PARTS * (self.most - self.used)

    def all_full(self) -> Iterator[str]:
        """The function types that have used up their shares."""
        return (typename for typename in self._by_type if self.full(typename))
