"""Tasks of user code that go on when they are cancelled. The end of an event loop does not wait for them."""

from __future__ import annotations

import asyncio
import atexit
from asyncio import _unregister_task  # documented, for custom tasks
from typing import Any as Untyped
from typing import Final

from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors")

_LAST_SECONDS: Final = 1.0
"""Seconds in which the tasks that are left at the end of an event loop should end."""
_left: Final[set[asyncio.Task[Untyped]]] = set()
"""Those that have not ended. They stay in memory, since Python would close a coroutine that nothing refers to. One that
catches everything would not end by that either, and whoever dropped it would wait for it."""


def leave(task: asyncio.Task[Untyped]) -> None:
    """Let no end of an event loop, and not that of the process, wait for *task*, as ``asyncio.run`` does for others."""
    _unregister_task(task)
    task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - asyncio sets it, too
    _left.add(task)
    task.add_done_callback(_left.discard)


async def end_tasks() -> None:
    """Cancel all other tasks of this event loop, which ends; leave those that have not ended soon after it."""
    tasks = [task for task in asyncio.all_tasks() if task.__class__ is asyncio.Task]
    tasks = [task for task in tasks if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks:
        _, running = await asyncio.wait(tasks, timeout=_LAST_SECONDS)
        for task in running:
            leave(task)
            logger.warning(
                "%s still ran %g s after the end of the event loop had cancelled it, and is cut off. Let it end on "
                "asyncio.CancelledError: catch Exception, not BaseException",
                getattr(task.get_coro(), "__qualname__", task.get_name()),
                _LAST_SECONDS,
            )


def _keep_for_good() -> None:
    """At the end of the process Python drops everything; keep the tasks all the same."""
    if _left:
        from ctypes import py_object, pythonapi  # noqa: PLC0415 - few processes need it

        for task in list(_left):
            pythonapi.Py_IncRef(py_object(task))


atexit.register(_keep_for_good)
