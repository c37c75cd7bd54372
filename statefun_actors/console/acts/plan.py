"""``Plan``: the change that a form requests, checked against the store; the control of the engine makes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import attrs

from statefun_actors.admin import Control
from statefun_actors.console.look import Live, Look
from statefun_actors.errors import StatefunActorsError

_LAST: Final = (1 << 63) - 1


class FormError(StatefunActorsError, ValueError):
    """A field of a form is missing or invalid. Retrying cannot help."""


@attrs.frozen
class Form:
    """The fields of a form; several of one name where it has boxes to tick."""

    fields: Sequence[tuple[str, str]]

    def get(self, name: str) -> str:
        """The first value of the field *name*; empty without one."""
        return next((value for key, value in self.fields if key == name), "")

    def query(self) -> Mapping[str, str]:
        """The fields as the query of a page."""
        return dict(self.fields)

    def numbers(self, name: str) -> list[int]:
        """The values of the fields *name*, each once.

        Raises:
            FormError: one is no number.
        """
        found = [value for key, value in self.fields if key == name]
        for value in found:
            if not (value.isascii() and value.isdecimal() and len(value) < 20 and int(value) <= _LAST):
                raise FormError(f"expected a number as {name}, got {value[:80]!r}")
        return list(dict.fromkeys(map(int, found)))

    def texts(self, name: str) -> list[str]:
        """The values of the fields *name*, each once."""
        return list(dict.fromkeys(value for key, value in self.fields if key == name))


def _nothing(_: Live) -> None:
    """The check of a plan that needs none."""


@attrs.frozen(kw_only=True)
class Plan:
    """A change that can be made.

    Args:
        change: makes it; on the event loop of the engine.
        done: what has been done then, for people.
        page: the URL of the page that is shown then, relative to the console.
        question: what people are asked before; None = nothing.
        fields: which the form of the question has in addition.
        check: called on the event loop of the engine right before *change*; raises FormError if the engine no longer
            has what *question* is about.
    """

    change: Callable[[Control], Awaitable[None]]
    done: str
    page: str
    question: str | None = None
    fields: Mapping[str, str] = attrs.field(factory=dict[str, str])
    check: Callable[[Live], object] = _nothing


@attrs.frozen(kw_only=True)
class Act:
    """An act: *plan* raises StatefunActorsError where it can't be done; *page* is then shown with what was entered."""

    plan: Callable[[Look, Form], Plan]
    page: str


def counted(number: int, one: str) -> str:
    """``1 dead letter``, ``3 dead letters``."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"
