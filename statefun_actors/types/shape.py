"""Shape: the functions that convert the values of one type to JSON and back.

Types are compiled to shapes once, when they are declared. ``dump`` returns what the JSON encoder accepts (str, int,
finite float, bool, None, list, tuple, dict with str keys), ``load`` accepts what the JSON decoder returns; both check
everything and raise :class:`Mismatch`. ``dump_many`` and ``load_many`` convert all items of a collection at once: big
values spend most of their time there, so types that can check many values faster define their own. All may return
their argument.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, TypeAlias

import attrs

from statefun_actors.types.mismatch import Mismatch, kind
from statefun_actors.types.sharing import Unshared

TYPE_KEY: Final = "@type"
"""The member of a union's object that holds the typename of the union member."""

One: TypeAlias = Callable[[Any], Any]
Many: TypeAlias = Callable[[Collection[Any]], Collection[Any]]


@attrs.frozen(eq=False)
class Shape:
    """A compiled type. Shapes are compared by identity."""

    spelling: str
    dump: One
    load: One
    dump_many: Many = attrs.Factory(lambda self: many(self.dump), takes_self=True)
    load_many: Many = attrs.Factory(lambda self: many(self.load), takes_self=True)
    hashable: bool = attrs.field(default=False, kw_only=True)
    """Whether values may be members of a set."""
    ordered: bool = attrs.field(default=False, kw_only=True)
    """Whether dumped values can be sorted, and are different for different values."""
    merges: bool = attrs.field(default=False, kw_only=True)
    """Whether different values may be equal after they are read back."""
    unshared: Unshared | None = attrs.field(default=None, kw_only=True)
    """Whether a value is unshared and would be read back as it is; None: always, or sharing does no harm."""
    passes: str | None = attrs.field(default=None, kw_only=True)
    """A Python test of the variable ``{v}``: values that pass it are dumped and loaded unchanged."""


def many(one: One) -> Many:
    """Apply *one* to every item of a collection; a mismatch gets the index of its item."""

    def each(items: Collection[Any]) -> Collection[Any]:
        results: list[Any] = []
        add = results.append
        try:
            for item in items:
                add(one(item))
        except Mismatch as mismatch:
            mismatch.under(len(results))
            raise
        return results

    return each


def wrong_type(expected: str, value: object) -> Mismatch:
    """The mismatch of a value that is not of the type *expected*."""
    return Mismatch(f"`{expected}`", kind(value))
