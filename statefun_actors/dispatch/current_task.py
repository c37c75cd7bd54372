"""The current task of an event loop, for code that runs a step of another task.

asyncio documents ``_enter_task`` and ``_leave_task`` for that. These check by a look-up each what this code knows
already, which takes two percent of a batch of one message.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any as Untyped
from typing import Final, TypeAlias, TypeVar

_T = TypeVar("_T")

Task: TypeAlias = asyncio.Task[Untyped]
Current: TypeAlias = Callable[[AbstractEventLoop], Task | None]

ENDED: Final = object()

if sys.version_info >= (3, 12):
    from asyncio.tasks import _swap_current_task

    current_task: Current = asyncio.current_task
    """The current task of an event loop, or None."""

    def run_step(loop: AbstractEventLoop, task: Task, context: Context, steps: Iterator[Untyped]) -> Untyped:
        """Take the next of *steps* in *context*, as *task*; return what it yields, or ENDED."""
        current = _swap_current_task(loop, task)
        try:
            return context.run(next, steps, ENDED)
        finally:
            _swap_current_task(loop, current)

    def run_without_task(run: Callable[[], _T]) -> _T:
        """Call *run* without a current task, so that plain handlers can't cancel their engine's; return its result."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises where there is none
        current = None if loop is None else current_task(loop)
        if loop is None or current is None:  # Python 3.12 can't swap None for None: KeyError
            return run()
        _swap_current_task(loop, None)
        try:
            return run()
        finally:
            _swap_current_task(loop, current)

else:  # the same on the dictionary that asyncio keeps
    from asyncio.tasks import _current_tasks  # type: ignore[attr-defined] # not in the stubs

    current_task: Current = _current_tasks.get

    def run_step(loop: AbstractEventLoop, task: Task, context: Context, steps: Iterator[Untyped]) -> Untyped:
        current = current_task(loop)
        _current_tasks[loop] = task
        try:
            return context.run(next, steps, ENDED)
        finally:
            if current is not None:
                _current_tasks[loop] = current
            else:
                del _current_tasks[loop]

    def run_without_task(run: Callable[[], _T]) -> _T:
        loop = asyncio._get_running_loop()  # noqa: SLF001 - as above
        current = None if loop is None else current_task(loop)
        if loop is None or current is None:
            return run()
        del _current_tasks[loop]
        try:
            return run()
        finally:
            _current_tasks[loop] = current
