"""A shape: how the values of one type are written as JSON, and read back.

Types are compiled once, when they are declared, into shapes whose two halves are plain functions. ``dump`` gives what
the JSON encoder takes (str, int, finite float, bool, None, list, tuple, dict with str keys), ``load`` takes what the
JSON decoder gives; both check everything and raise :class:`Mismatch`. ``dump_many`` and ``load_many`` do the same for
all items of a list, tuple or view at once: that is where big values spend their time, so types with a quick way to
check many values have their own. They may return what they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, TypeAlias

import attrs

from statefun_actors.types.mismatch import Mismatch, kind
from statefun_actors.types.sharing import Alone

TYPE_KEY: Final = "@type"
"""Where a union keeps the name of the member that follows."""

One: TypeAlias = Callable[[Any], Any]
Many: TypeAlias = Callable[[Collection[Any]], Collection[Any]]


@attrs.frozen(eq=False)
class Shape:
    """One compiled type. Compared by identity."""

    spelling: str
    dump: One
    load: One
    dump_many: Many = attrs.Factory(lambda self: many(self.dump), takes_self=True)
    load_many: Many = attrs.Factory(lambda self: many(self.load), takes_self=True)
    hashable: bool = attrs.field(default=False, kw_only=True)
    """Whether values may be members of a set."""
    ordered: bool = attrs.field(default=False, kw_only=True)
    """Whether what ``dump`` gives sorts by itself, and differs wherever the values differ."""
    merges: bool = attrs.field(default=False, kw_only=True)
    """Whether values that differ may be equal once they are read back."""
    alone: Alone | None = attrs.field(default=None, kw_only=True)
    """Whether a value is as it would be read back, and held by its place alone; None = all are, or can be shared."""
    passes: str | None = attrs.field(default=None, kw_only=True)
    """A test of the variable ``{v}`` in Python: values that pass it are dumped and loaded as they are."""


def many(one: One) -> Many:
    """*one* for every item of a collection; a mismatch is told the index of its item."""

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
    """The mismatch of a value of another type than *expected*."""
    return Mismatch(f"`{expected}`", kind(value))
