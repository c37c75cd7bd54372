"""The name space of a class body, which detects handlers and fields that are defined twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any as Untyped

from statefun_actors.definition import Persisted
from statefun_actors.entity.handles import MARK


class ClassBody(dict[str, Untyped]):
    """A class body. ``lost``: names of handlers or fields that a later definition replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []

    def __setitem__(self, name: str, item: Untyped) -> None:
        before = self.get(name)
        mark = getattr(before, MARK, None)
        # A decorator below it keeps the mark.
        if isinstance(before, Persisted) or (mark is not None and getattr(item, MARK, None) is not mark):
            self.lost.append(name)
        super().__setitem__(name, item)


def lost_in(body: Mapping[str, object]) -> Iterator[str]:
    """The problems of a class *body* in which a name is defined twice."""
    if isinstance(body, ClassBody):
        for name in dict.fromkeys(body.lost):
            yield f"{name} is defined twice, and the first one is lost; give each a name of its own"
