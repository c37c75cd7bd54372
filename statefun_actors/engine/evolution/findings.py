"""Findings about changed classes, and the errors that report them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from statefun_actors.errors import StatefunActorsError

_MOST_LINES: Final = 50
_MOST_CHANGES: Final = 3


@attrs.frozen(kw_only=True)
class Unreadable:
    """A state, or messages of one type, with values that can no longer be read.

    Args:
        typename: the function type.
        what: ``state 'days'``, ``waiting messages of type iot/heartbeat`` and so on.
        count: the number of unreadable values.
        first: the address of the first.
        old: the type declared at the last run; None if unknown.
        new: the type declared now.
        changes: the differences of the two, each with its path.
        reason: the error of the first value.
        ways: the possible remedies.
    """

    typename: str
    what: str
    count: int
    first: str
    old: str | None
    new: str
    changes: Sequence[str]
    reason: str
    ways: Sequence[str]

    def __str__(self) -> str:
        entities = f"{self.count:,} entities, {self.first} first" if self.count > 1 else self.first
        changed = ", ".join(self.changes[:_MOST_CHANGES]) + (", ..." if len(self.changes) > _MOST_CHANGES else "")
        return (
            f"{self.typename}: {self.what} can't be read ({entities}): {self.reason.rstrip('.')}. "
            f"Old type: {self.old or 'unknown'}. New type: {self.new}. "
            f"{f'Changed: {changed}. ' if changed else ''}{_either(self.ways)}."
        )


@attrs.frozen
class Loss:
    """Data that a start would silently lose. ``text`` names it, its amount, and a way to keep it."""

    typename: str
    text: str

    def __str__(self) -> str:
        return f"{self.typename}: {self.text}"


@attrs.frozen
class StoredTwice:
    """Ids that are stored under both a function type and a former name of it."""

    typename: str
    former: str
    count: int
    first: str

    def __str__(self) -> str:
        ids = f"{self.count:,} ids, {self.first!r} first, are" if self.count > 1 else f"the id {self.first!r} is"
        return f"{self.typename}: {ids} stored under {self.former}, too"


class StoredTwiceError(StatefunActorsError):
    """``was=`` would move an entity to an address that is in use. Nothing was run or changed."""

    def __init__(self, found: Sequence[StoredTwice]) -> None:
        super().__init__(tuple(found))
        self.found = tuple(found)

    def __str__(self) -> str:
        return (
            f"was= can't move what is stored, since some of it is stored under both names:{_lines(self.found)}\n"
            "Nothing was changed. Keep one of each two: `statefun-actors export` the store, remove the lines of the "
            "others, and `import` it; or drop was=."
        )


class IncompatibleStateError(StatefunActorsError):
    """The classes can't read all stored data. Nothing was run or changed. Retry with corrected classes."""

    def __init__(self, found: Sequence[Unreadable]) -> None:
        super().__init__(tuple(found))
        self.found = tuple(found)

    def __str__(self) -> str:
        return (
            "the store was written by another version of these classes, and this version can't read all of it:"
            f"{_lines(self.found)}\nNothing was changed."
        )


class LossRefusedError(StatefunActorsError):
    """A strict start would leave out or lose some of what is stored. Nothing was run or changed; a retry can't help."""

    def __init__(self, losses: Sequence[Loss]) -> None:
        super().__init__(tuple(losses))
        self.losses = tuple(losses)

    def __str__(self) -> str:
        return (
            f"strict start refused: with these classes stored data would be left out or lost:{_lines(self.losses)}\n"
            "Nothing was changed. Correct the classes, or start without --strict (in a program: strict=False)."
        )


def _lines(found: Sequence[object]) -> str:
    shown = "".join(f"\n  - {each}" for each in found[:_MOST_LINES])
    more = len(found) - _MOST_LINES
    return f"{shown}\n  - and {more:,} more" if more > 0 else shown


def _either(ways: Sequence[str]) -> str:
    return ", or ".join(way if not number else way[:1].lower() + way[1:] for number, way in enumerate(ways))
