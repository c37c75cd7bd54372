"""What dispatch and its callers do with a :class:`HandlerTask`: wait for it, and undo cancellations of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any as Untyped
from typing import TypeVar

from statefun_actors.dispatch.current_task import current_task
from statefun_actors.dispatch.handler_task import HandlerTask, start_handler_task

_T = TypeVar("_T")


def current_handler_task() -> HandlerTask[Untyped] | None:
    """The current task if it is a HandlerTask, marked as running handlers; None in another task or without one."""
    loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises where there is none
    task = None if loop is None else current_task(loop)
    if not isinstance(task, HandlerTask):
        return None
    task.steps.runs_handlers = True
    return task


async def in_handler_task(work: Coroutine[Untyped, Untyped, _T]) -> _T:
    """Run *work* in a new handler task, and return its result.

    If the caller is cancelled, *work* is stopped, and has ended before the cancellation propagates.
    """
    results: list[_T] = []

    async def keep_result() -> None:
        results.append(await work)

    task = start_handler_task(keep_result())
    if task is not None:
        await ended(task)
    return results[0]


async def ended(task: HandlerTask[_T]) -> _T:
    """The result of *task*.

    If the caller is cancelled, *task* is stopped, and has ended before the cancellation propagates.
    """
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
    try:
        await asyncio.sleep(0)  # delivers it
    finally:
        while task.cancelling():  # only now: from Python 3.13 on, uncancel() would drop what is not delivered
            task.uncancel()


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


async def undo_cancellations(task: asyncio.Task[Untyped], before: int) -> None:
    """Undo the cancellations of *task*, the current one, that a plain handler requested.

    *before* is what ``task.cancelling()`` returned before the handler.

    Raises:
        CancelledError: other code has cancelled *task*, too.
    """
    requested = task.cancelling() - before
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)  # delivers them
    for _ in range(requested):
        task.uncancel()
    if task.cancelling() > before:
        raise asyncio.CancelledError
