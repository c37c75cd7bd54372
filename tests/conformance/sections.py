"""The fine print, sentence by sentence: each has a number, its text, and the case that tries it.

A section of it is a :class:`Section`; the modules that fill it stand in ``suite.SECTIONS`` in the order of reading.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import attrs

from tests.conformance.doors import OpenDoor
from tests.conformance.engine import Can, CaseFunction

OnceFunction: TypeAlias = "Callable[[], Awaitable[None] | None]"
DoorFunction: TypeAlias = "Callable[[OpenDoor], Awaitable[None]]"


@attrs.frozen
class Case:
    """A sentence that is tried on every engine that can do what it *needs*."""

    number: str
    sentence: str
    function: CaseFunction
    needs: frozenset[Can]


@attrs.frozen
class Once:
    """A sentence that no engine has a part in, or one alone: it is tried once. *where* is said in the table."""

    number: str
    sentence: str
    function: OnceFunction
    where: str

    async def run(self) -> None:
        result = self.function()
        if inspect.isawaitable(result):
            await result


@attrs.frozen
class DoorCase:
    """A sentence about HTTP that is tried at the door of each engine that has one."""

    number: str
    sentence: str
    function: DoorFunction


@attrs.frozen
class Pending:
    """A sentence without a case yet. *why* is the reason."""

    number: str
    sentence: str
    why: str


Sentence: TypeAlias = Case | Once | DoorCase | Pending


class Section:
    """One page of the fine print.

    Args:
        letter: with which its numbers begin.
        title: of the page.
    """

    def __init__(self, letter: str, title: str) -> None:
        self.letter, self.title = letter, title
        self.sentences: list[Sentence] = []
        """In the order in which they were declared."""

    def case(self, number: str, sentence: str, *needs: Can) -> Callable[[CaseFunction], CaseFunction]:
        """Decorator: *function* tries *sentence* on an engine that can do what it *needs*."""

        def declare(function: CaseFunction) -> CaseFunction:
            self.sentences.append(Case(number, sentence, function, frozenset(needs)))
            return function

        return declare

    def once(self, number: str, sentence: str, where: str = "any") -> Callable[[OnceFunction], OnceFunction]:
        """Decorator: *function* tries *sentence* by itself. *where*: ``any``, ``wire`` or ``embedded``."""

        def declare(function: OnceFunction) -> OnceFunction:
            self.sentences.append(Once(number, sentence, function, where))
            return function

        return declare

    def door(self, number: str, sentence: str) -> Callable[[DoorFunction], DoorFunction]:
        """Decorator: *function* tries *sentence* over HTTP, at the door that it opens."""

        def declare(function: DoorFunction) -> DoorFunction:
            self.sentences.append(DoorCase(number, sentence, function))
            return function

        return declare

    def pending(self, number: str, sentence: str, why: str) -> None:
        """*sentence* has no case yet."""
        self.sentences.append(Pending(number, sentence, why))


VALUES: Final = Section("V", "Values on the wire")
BATCHES: Final = Section("B", "What one batch does")
FAILURES: Final = Section("F", "When a handler fails")
CONTEXT: Final = Section("C", "Context of a function, under 3.x")
EMBEDDED: Final = Section("E", "Embedded")
EVOLUTION: Final = Section("G", "Evolution")
ASKING: Final = Section("A", "Asking")
ACTIVITIES: Final = Section("K", "Activities: outside calls")
RECURRING: Final = Section("R", "Recurring messages")
ENDS: Final = Section("N", "An entity's end")
