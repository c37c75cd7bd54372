"""``Encoded``: a value with the content that it was encoded from."""

from __future__ import annotations

from typing import Generic, TypeVar

from statefun_actors.model import TypedValue

_Content = TypeVar("_Content")


class Encoded(TypedValue, Generic[_Content], frozen=True, gc=False):
    """A value with the content that it was encoded from: who gets it in the same process need not decode it.

    It equals the same value without the content. No wire carries the content, no store keeps it, and a value that user
    code sends loses it. So content was made by this library, and needs no check.
    """

    content: _Content

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TypedValue):
            return NotImplemented
        return self.typename == other.typename and self.value == other.value

    def __hash__(self) -> int:
        return hash(TypedValue(self.typename, self.value))
