"""Continues a coroutine after its first step, which ran by a plain call.

Most handlers never wait for anything. Their coroutine ends in its first step, so a timer, a task or a second worker
is created only for those that suspend.
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
    """Reports each step that takes longer than *limit* seconds of *monotonic*."""

    monotonic: Callable[[], float]
    limit: float
    tell: Callable[[float], None]


class SelfClosedError(BaseException):
    """A coroutine raised GeneratorExit although it was not being closed."""


@types.coroutine
def resumed(
    coroutine: Coroutine[Untyped, Untyped, _T], pending: object, watch: Watch | None = None
) -> Generator[Untyped, Untyped, _T]:
    """Continue *coroutine*, whose last step yielded *pending*, as if it had been awaited from the start.

    Raises:
        SelfClosedError: *coroutine* raised GeneratorExit, which would look as if its awaiter were being closed.
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
