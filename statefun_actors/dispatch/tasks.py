"""The task of handlers that may suspend; it distinguishes cancellations by the engine from all others.

Handlers may cancel their own task, keep it in a list for others to cancel, or use ``asyncio.timeout`` and
``TaskGroup``, which cancel it and uncancel it. All of these call ``Task.cancel``. The engine never does: it calls
:meth:`HandlerTask.stop`, so any other cancellation is a failure of the message whose handler ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
from collections.abc import Callable, Coroutine
from typing import Any as Untyped
from typing import Final, TypeVar

_T = TypeVar("_T")

_NAME: Final = "statefun-actors handler"
"""Of every handler task: asyncio would format a number into a name for each."""
_NO_DICT: Final = frozenset({"call_soon"})
"""In place of the ``__dict__`` of an event loop that has none."""


class HandlerTask(asyncio.Task[_T]):
    """A task in which handlers run. Its engine ends it with :meth:`stop`; any code may call ``cancel``."""

    stopped = False
    """Whether the engine requested the cancellation."""
    runs_handlers = False
    """Whether a handler is running. Set by dispatch; a ``cancel`` from other code changes nothing while it is False."""

    def stop(self) -> None:
        """Cancel it for the engine, which discards its batch."""
        self.stopped = True
        super().cancel()

    def cancel(self, msg: Untyped = None) -> bool:
        """As ``Task.cancel``. While no handler runs, it is ignored, unless the event loop is being closed."""
        if asyncio._get_running_loop() is None:  # noqa: SLF001 - the public form raises where there is none
            self.stopped = True
        elif not self.runs_handlers:
            return False
        return super().cancel(msg)


class _Steps(Coroutine[Untyped, Untyped, _T]):
    """The steps of *work*; a GeneratorExit of an awaited task is raised at the ``await`` in the handler.

    A child task can end with a GeneratorExit. A task passes such an error on by ``throw``, and ``throw(GeneratorExit)``
    would close every coroutine up to the ``await``.
    """

    __slots__ = ("_work",)

    def __init__(self, work: Coroutine[Untyped, Untyped, _T]) -> None:
        self._work = work

    def send(self, value: Untyped) -> Untyped:
        return self._work.send(value)

    def throw(self, *error: Untyped) -> Untyped:
        # The awaited future raises it.
        return self._work.send(None) if isinstance(error[0], GeneratorExit) else self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Untyped:
        return self._work.__await__()


def start_handler_task(work: Coroutine[Untyped, Untyped, _T], *, eager: bool = True) -> HandlerTask[_T]:
    """Run *work* in a handler task. If *eager*, its first step runs at once, except on loops written in C."""
    loop = asyncio.get_running_loop()
    if not eager:
        return HandlerTask(_Steps(work), loop=loop, name=_NAME)
    if sys.version_info >= (3, 12):
        return HandlerTask(_Steps(work), loop=loop, name=_NAME, eager_start=True)
    return _started_eagerly(work, loop)


def _started_eagerly(work: Coroutine[Untyped, Untyped, _T], loop: Untyped) -> HandlerTask[_T]:
    """Do what ``eager_start`` does from Python 3.12 on: most handlers end in their first step, and never need the loop.

    A new task schedules its first step by ``loop.call_soon``. This function intercepts that call, and runs the step.
    """
    steps: list[tuple[Callable[[], object], contextvars.Context]] = []

    def caught(step: Callable[[], object], *, context: contextvars.Context) -> None:
        steps.append((step, context))

    if "call_soon" in getattr(loop, "__dict__", _NO_DICT):  # a loop written in C, or one that others changed
        return HandlerTask(_Steps(work), loop=loop, name=_NAME)
    loop.call_soon = caught
    try:
        task = HandlerTask(_Steps(work), loop=loop, name=_NAME)
    finally:
        del loop.call_soon
    ((step, context),) = steps
    current = asyncio.current_task(loop)
    if current is not None:
        asyncio._leave_task(loop, current)  # noqa: SLF001 - documented, for custom tasks
    try:
        context.run(step)
    finally:
        if current is not None:
            asyncio._enter_task(loop, current)  # noqa: SLF001 - as above
    return task


def current_handler_task() -> HandlerTask[Untyped] | None:
    """The current task if it is a HandlerTask, marked as running handlers; None in another task or without one."""
    loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises where there is none
    task = None if loop is None else asyncio.current_task(loop)
    if not isinstance(task, HandlerTask):
        return None
    task.runs_handlers = True
    return task


async def in_handler_task(work: Coroutine[Untyped, Untyped, _T]) -> _T:
    """Run *work* in a new handler task, and return its result.

    If the caller is cancelled, *work* is stopped, and has ended before the cancellation propagates.
    """
    task = start_handler_task(work)
    if task.done():
        return task.result()
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            task.stop()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # mark it as retrieved
        raise


async def take_back_cancellations(task: HandlerTask[Untyped]) -> None:
    """Undo the cancellations that a handler requested, so that they don't affect later code in *task*.

    Raises:
        CancelledError: one has not been delivered: the handler requested it and returned, or the engine did.
    """
    while task.cancelling():
        task.uncancel()
    await asyncio.sleep(0)  # delivers it


async def end_cancellations(task: HandlerTask[Untyped]) -> None:
    """As :meth:`take_back_cancellations`, for a handler that has failed: a pending cancellation is no second failure.

    Raises:
        CancelledError: the engine stopped the batch.
    """
    try:
        await take_back_cancellations(task)
    except asyncio.CancelledError:
        if task.stopped:
            raise


def run_without_task(run: Callable[[], _T]) -> _T:
    """Call *run* without a current task, so that plain handlers can't cancel their engine's; return its result."""
    loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises where there is none
    task = None if loop is None else asyncio.current_task(loop)
    if loop is None or task is None:
        return run()
    asyncio._leave_task(loop, task)  # noqa: SLF001 - documented, for custom tasks
    try:
        return run()
    finally:
        asyncio._enter_task(loop, task)  # noqa: SLF001 - as above
