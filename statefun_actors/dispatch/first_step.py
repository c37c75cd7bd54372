"""Takes the first step of a coroutine by a plain call.

Most coroutines here end in their first step. ``send`` would raise their result in a StopIteration, which takes as long
as a small handler; an ``await`` just gets it. So a generator awaits one coroutine after the other. If a coroutine
suspends, its generator goes on with that one alone, and ends with it.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any as Untyped
from typing import Final, Generic, TypeAlias, TypeVar

from statefun_actors.dispatch.current_task import ENDED

_T = TypeVar("_T")

_PAUSED: Final = object()


class Paused(Generic[_T]):
    """A coroutine after its first step, which yielded *pending*. :attr:`rest` goes on with it."""

    __slots__ = ("pending", "rest")

    def __init__(self, rest: Generator[Untyped, Untyped, _T], pending: object) -> None:
        self.rest, self.pending = rest, pending


_Steps: TypeAlias = "tuple[Generator[Untyped, Untyped, Untyped], list[Untyped]]"

_idle: Final[list[_Steps]] = []
"""The generators that wait for a coroutine, each with its list of results. As many as first steps ran at once."""


@types.coroutine
def _steps(ended: list[Untyped]) -> Generator[Untyped, Untyped, Untyped]:
    """Append to *ended* the results of the coroutines that are sent. While it waits, it refers to neither."""
    while True:
        ended.append((yield from (yield ENDED)))
        if ended[0] is _PAUSED:
            return ended[1]


def _new_steps() -> _Steps:
    ended: list[Untyped] = []
    steps: Untyped = _steps(ended)
    next(steps)
    return steps, ended


def first_step(work: Coroutine[Untyped, Untyped, _T]) -> _T | Paused[_T]:
    """Take the first step of *work*, and return its result, or the rest of it if it has not ended.

    Raises:
        BaseException: *work* raised it.
    """
    try:
        both = _idle.pop()
    except IndexError:
        both = _new_steps()
    steps, ended = both
    pending = steps.send(work)
    if pending is ENDED:
        result: _T = ended.pop()
        _idle.append(both)  # last: from here on, another thread may take them
        return result
    ended.append(_PAUSED)
    return Paused(steps, pending)
