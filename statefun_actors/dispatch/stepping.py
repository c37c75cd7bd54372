"""Running a coroutine's first step before deciding what to spend on it.

Most handlers never wait for anything. Their coroutine ends in its first step, so a timer, a task or a second worker
is set up only for those that do suspend.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any as Untyped
from typing import TypeVar

import attrs

_T = TypeVar("_T")


@attrs.frozen
class Watch:
    """Tells of every step that takes longer than *limit* seconds of *monotonic*."""

    monotonic: Callable[[], float]
    limit: float
    tell: Callable[[float], None]


class SelfClosedError(BaseException):
    """A coroutine raised GeneratorExit of its own accord, while nobody was closing it."""


@types.coroutine
def resumed(
    coroutine: Coroutine[Untyped, Untyped, _T], pending: object, watch: Watch | None = None
) -> Generator[Untyped, Untyped, _T]:
    """Go on with *coroutine*, whose last step handed out *pending*, as if it had been awaited from the start.

    Raises:
        SelfClosedError: *coroutine* raised GeneratorExit, which would look as if its waiter were being closed.
    """
    before = 0.0
    while True:
        sent, thrown = None, None
        try:
            sent = yield pending
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            thrown = error
        if watch is not None:
            before = watch.monotonic()
        try:
            pending = coroutine.send(sent) if thrown is None else coroutine.throw(thrown)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        except GeneratorExit as error:
            raise SelfClosedError from error
        finally:
            if watch is not None and (held := watch.monotonic() - before) > watch.limit:
                watch.tell(held)
