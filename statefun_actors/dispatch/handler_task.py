"""``HandlerTask``: the task in which handlers run. One task can run many batches, one after the other.

Most handlers end in their first step and never need the event loop, and a task for each of their batches would cost
a third as much as the batch. So a task whose batch has ended in its first step runs the next batch, too, if nothing
else refers to it. Between two batches it is *idle*: the event loop does not know it. A batch that suspends keeps its
task, which ends with it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from asyncio import _enter_task, _leave_task, _register_task, _unregister_task  # documented, for custom tasks
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from gc import get_referents
from typing import Any as Untyped
from typing import Final, TypeVar
from weakref import getweakrefcount

from statefun_actors.dispatch.stepping import resumed

_T = TypeVar("_T")

_NAME: Final = "statefun-actors handler"
"""Of every handler task: asyncio would format a number into a name for each."""
_NOT_STARTED: Final = object()
_NO_DICT: Final = frozenset({"call_soon"})
"""In place of the ``__dict__`` of an event loop that has none."""
_getrefcount: Final[Callable[[object], float]] = getattr(sys, "getrefcount", lambda _: float("nan"))
"""Without it no number of references is as expected, so no task runs a second batch."""


class HandlerTask(asyncio.Task[_T]):
    """A task in which handlers run. Its engine ends it with :meth:`stop`; any code may call ``cancel``.

    Handlers may cancel their own task, keep it in a list for others to cancel, or use ``asyncio.timeout`` and
    ``TaskGroup``, which cancel it and uncancel it. All of these call ``Task.cancel``. The engine never does: it calls
    :meth:`stop`, so any other cancellation is a failure of the message whose handler ran.
    """

    __slots__ = ("changed", "idle_references", "runs_handlers", "step", "steps", "stopped")

    def __init__(self, steps: _Steps, **options: Untyped) -> None:
        self.steps = steps
        self.stopped = False
        """Whether the engine requested the cancellation."""
        self.runs_handlers = False
        """Whether a handler is running. Set by dispatch; a ``cancel`` from other code changes nothing while it is
        False."""
        self.changed = False
        """Whether something was done to it that the next batch must not see."""
        self.idle_references = 0.0
        """The number of references to it and from it (attributes, callbacks) while it is idle."""
        self.step: Callable[[], object] | None = None
        """While it is idle: makes it take its first step."""
        # A context of its own: two threads can't run code in one at the same time.
        super().__init__(steps, name=_NAME, context=Context(), **options)

    def stop(self) -> None:
        """Cancel it for the engine, which discards its batch."""
        self.stopped = self.changed = True
        super().cancel()

    def cancel(self, msg: Untyped = None) -> bool:
        """As ``Task.cancel``. While no handler runs, it is ignored, unless the event loop is being closed."""
        if asyncio._get_running_loop() is None:  # noqa: SLF001 - the public form raises where there is none
            self.stopped = True
        elif not self.runs_handlers:
            return False
        self.changed = True
        return super().cancel(msg)

    def set_name(self, value: object, /) -> None:
        self.changed = True
        super().set_name(value)

    def get_context(self) -> Context:
        return self.steps.context


class _Steps(Coroutine[Untyped, Untyped, Untyped]):
    """The coroutine of a handler task: the steps of *work* in *context*.

    If the first step of *work* has run already, *pending* is what it yielded, and what this yields first.
    """

    __slots__ = ("context", "pending", "work")

    def __init__(self, work: Untyped = None, context: Context | None = None) -> None:
        self.work, self.context = work, Context() if context is None else context
        self.pending: Untyped = _NOT_STARTED

    def send(self, value: Untyped) -> Untyped:
        if self.pending is not _NOT_STARTED:
            return self._first()
        return self.context.run(self.work.send, value)

    def throw(self, *error: Untyped) -> Untyped:
        if self.pending is not _NOT_STARTED:
            # The handler cancelled its task in the first step. That cancels what it awaits, if possible.
            pending = self._first()
            if pending is not None and pending.cancel():
                return pending
        # A child task can end with a GeneratorExit. A task passes such an error on by `throw`, and
        # `throw(GeneratorExit)` would close every coroutine up to the `await`. There, the awaited future raises it.
        if isinstance(error[0], GeneratorExit):
            return self.context.run(self.work.send, None)
        return self.context.run(self.work.throw, *error)

    def _first(self) -> Untyped:
        pending, self.pending = self.pending, _NOT_STARTED
        return pending

    def close(self) -> None:
        self.work.close()

    def __await__(self) -> Untyped:
        return self.work.__await__()


class _Idle(threading.local):
    task: HandlerTask[Untyped] | None = None
    """The idle task of this thread, for the event loop that last ran there."""


_idle: Final = _Idle()


def start_handler_task(work: Coroutine[Untyped, Untyped, _T], *, eager: bool = True) -> HandlerTask[_T] | _T:
    """Run *work* in a handler task. If *eager*, its first step runs at once, except on loops written in C.

    Returns:
        The result of *work* if it has ended; otherwise its task.

    Raises:
        BaseException: *work* raised it.
    """
    loop = asyncio.get_running_loop()
    task = _idle.task
    if not eager or task is None or task.get_loop() is not loop:
        task = _new_idle_task(loop) if eager else None
        if task is None:
            return HandlerTask(_Steps(work, copy_context()), loop=loop)
    _idle.task = None
    context, current = copy_context(), asyncio.current_task(loop)
    pending: Untyped = None
    end: BaseException | None = None
    if current is not None:
        _leave_task(loop, current)
    _enter_task(loop, task)
    try:
        pending = context.run(work.send, None)
    except BaseException as error:
        end = error
    _leave_task(loop, task)
    if current is not None:
        _enter_task(loop, current)
    if end is None:
        _continue(task, work, context, pending)
        return task
    if not task.changed and _references(task) == task.idle_references:
        _idle.task = task
    else:
        _finish(task, end)
    try:
        if isinstance(end, StopIteration):
            return end.value  # type: ignore[no-any-return]
        raise end
    finally:
        del end  # its traceback refers to this frame


def _references(task: HandlerTask[Untyped]) -> float:
    """The number of references to *task* and from it."""
    return _getrefcount(task) + getweakrefcount(task) + len(get_referents(task))


def _new_idle_task(loop: Untyped) -> HandlerTask[Untyped] | None:
    """A task of *loop* that is idle; None on loops written in C.

    A new task schedules its first step by ``loop.call_soon``. This function intercepts that call.
    """
    if "call_soon" in getattr(loop, "__dict__", _NO_DICT):  # a loop written in C, or one that others changed
        return None
    scheduled: list[Callable[[], object]] = []
    loop.call_soon = lambda step, **_: scheduled.append(step)
    try:
        task: HandlerTask[Untyped] = HandlerTask(_Steps(), loop=loop)
    finally:
        del loop.call_soon
    [task.step] = scheduled
    scheduled.clear()
    task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - asyncio sets it, too
    _unregister_task(task)
    task.idle_references = _references(task)
    return task


def _continue(
    task: HandlerTask[Untyped], work: Coroutine[Untyped, Untyped, Untyped], context: Context, pending: object
) -> None:
    """Give *work* to *task*, which is idle, and let it take its first step."""
    steps, step, task.step = task.steps, task.step, None
    steps.work, steps.context, steps.pending = work, context, pending
    task._log_destroy_pending = True  # type: ignore[attr-defined] # noqa: SLF001 - asyncio sets it, too
    _register_task(task)
    assert step is not None  # it is idle
    run_without_task(step)


def _finish(task: HandlerTask[Untyped], end: BaseException) -> None:
    """End *task*, which is idle, with *end*: others refer to it, and may wait for it."""
    _continue(task, _ended(end), Context(), _NOT_STARTED)
    if not task.cancelled():
        task.exception()  # mark it as retrieved


async def _ended(end: BaseException) -> Untyped:
    if isinstance(end, StopIteration):
        return end.value
    raise end


async def in_own_context(work: Coroutine[Untyped, Untyped, _T]) -> _T:
    """The result of *work*, run in a copy of the current context: what it sets there does not remain."""
    steps = _Steps(work, copy_context())
    try:
        pending = steps.context.run(work.send, None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    return await resumed(steps, pending)


def run_without_task(run: Callable[[], _T]) -> _T:
    """Call *run* without a current task, so that plain handlers can't cancel their engine's; return its result."""
    loop = asyncio._get_running_loop()  # noqa: SLF001 - the public form raises where there is none
    task = None if loop is None else asyncio.current_task(loop)
    if loop is None or task is None:
        return run()
    _leave_task(loop, task)
    try:
        return run()
    finally:
        _enter_task(loop, task)
