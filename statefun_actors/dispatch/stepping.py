"""Continues a coroutine after its first step, which ran by a plain call.

Most handlers never wait for anything. Their coroutine ends in its first step, so a timer, a task or a second worker
is created only for those that suspend.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any as Untyped
from typing import Final, TypeAlias, TypeGuard, TypeVar

import attrs

_T = TypeVar("_T")

Steps: TypeAlias = Coroutine[Untyped, Untyped, _T] | Generator[Untyped, Untyped, _T]
"""What a task takes step by step."""


@attrs.frozen
class Watch:
    """Reports each step that takes longer than *limit* seconds of *monotonic*."""

    monotonic: Callable[[], float]
    limit: float
    tell: Callable[[float], None]


class SelfClosedError(BaseException):
    """A coroutine raised GeneratorExit although it was not being closed."""


@types.coroutine
def resumed(coroutine: Steps[_T], pending: object) -> Generator[Untyped, Untyped, _T]:
    """Continue *coroutine*, whose last step yielded *pending*, as if it had been awaited from the start.

    Raises:
        SelfClosedError: *coroutine* raised GeneratorExit, which would look as if its awaiter were being closed.
    """
    while True:
        sent, thrown = None, None
        try:
            sent = yield pending
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            thrown = error
        try:
            pending = coroutine.send(sent) if thrown is None else coroutine.throw(thrown)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        except GeneratorExit as error:
            raise SelfClosedError from error


RUNS_ON: Final = object()
"""In place of the result of a coroutine that was cancelled and has not ended."""


class Continued:
    """A coroutine after its first step, which yielded *pending*. It can be left although it has not ended."""

    __slots__ = ("coroutine", "pending", "watch")

    def __init__(self, coroutine: Steps[object], pending: object, watch: Watch) -> None:
        self.coroutine, self.pending, self.watch = coroutine, pending, watch

    @types.coroutine
    def until(self, is_over: Callable[[], bool]) -> Generator[Untyped, Untyped, object]:
        """Continue it as :func:`resumed` does, until it ends, or goes on after a cancellation while *is_over*.

        Returns:
            Its result; or RUNS_ON, and the next call continues it.
        """
        coroutine, watch = self.coroutine, self.watch
        while True:
            pending, sent, thrown = self.pending, None, None
            try:
                if pending.__class__ is not asyncio.Future and _may_refuse_to_end(pending):
                    if not (yield from _ended(pending, is_over)):
                        return RUNS_ON
                else:
                    sent = yield pending
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:
                thrown = error
            before = watch.monotonic()
            try:
                self.pending = coroutine.send(sent) if thrown is None else coroutine.throw(thrown)
            except StopIteration as done:
                return done.value
            except GeneratorExit as error:
                raise SelfClosedError from error
            finally:
                if (held := watch.monotonic() - before) > watch.limit:
                    watch.tell(held)
            if thrown is not None and is_over():
                return RUNS_ON


def _may_refuse_to_end(pending: object) -> TypeGuard[asyncio.Future[object]]:
    """Whether a cancellation of *pending* may not end it at once: it is a task, or waits for some."""
    return (
        isinstance(pending, asyncio.Future)
        and pending.__class__ is not asyncio.Future
        and pending is not asyncio.current_task()  # it gets its error from asyncio
        and pending.get_loop() is asyncio.get_running_loop()  # so does one of another loop
    )


def _ended(pending: asyncio.Future[object], is_over: Callable[[], bool]) -> Generator[Untyped, Untyped, bool]:
    """Wait until *pending* has ended, and pass cancellations on to it; return False if *is_over* at one of them."""
    while not pending.done():
        try:
            yield from asyncio.wait([pending]).__await__()
        except asyncio.CancelledError as error:
            if pending.done() or not pending.cancel(*error.args):
                raise
            if is_over():
                return False
    return True
