"""``HandlerTask``: the task in which handlers run. One task can run many batches, one after the other.

Most handlers end in their first step and never need the event loop, and a task for each of their batches would cost
a third as much as the batch. So a task whose batch has ended in its first step runs the next batch, too, if nothing
else refers to it. Between two batches it is *idle*: the event loop does not know it. A batch that suspends keeps its
task, which ends with it.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import _register_task, _unregister_task  # documented, for custom tasks
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any as Untyped
from typing import Final, TypeVar
from weakref import getweakrefcount

from statefun_actors.dispatch.current_task import ENDED, run_step, run_without_task
from statefun_actors.dispatch.first_step import Paused, first_step
from statefun_actors.dispatch.given_up import GRACE_SECONDS
from statefun_actors.dispatch.stepping import resumed

_T = TypeVar("_T")

_NAME: Final = "statefun-actors handler"
"""Of every handler task: asyncio would format a number into a name for each."""
_NOT_STARTED: Final = object()
_NO_DICT: Final = frozenset({"call_soon"})
"""In place of the ``__dict__`` of an event loop that has none."""
_given_up: Final[ContextVar[int]] = ContextVar("statefun_actors_given_up", default=0)
"""In the context of a handler: how many of its task had been given up before."""
_getrefcount: Final[Callable[[object], float]] = getattr(sys, "getrefcount", lambda _: float("nan"))
"""Without it no number of references is as expected, so no task runs a second batch."""


class HandlerTask(asyncio.Task[_T]):
    """A task in which handlers run. Its engine ends it with :meth:`stop`; any code may call ``cancel``.

    Handlers may cancel their own task, keep it in a list for others to cancel, or use ``asyncio.timeout`` and
    ``TaskGroup``, which cancel it and uncancel it. All of these call ``Task.cancel``. The engine never does: it calls
    :meth:`stop`, so any other cancellation is a failure of the message whose handler ran.
    """

    __slots__ = ("steps",)

    steps: HandlerSteps

    def __init__(self, steps: HandlerSteps, **options: Untyped) -> None:
        super().__setattr__("steps", steps)
        # A context of its own: two threads can't run code in one at the same time.
        super().__init__(steps, name=_NAME, context=Context(), **options)

    @property
    def stopped(self) -> bool:
        """Whether the engine requested the cancellation."""
        return self.steps.stopped

    def stop(self) -> bool:
        """Cancel it for the engine, which discards its batch; return False if it has ended.

        A handler that goes on all the same is given up after GRACE_SECONDS.
        """
        self.steps.stopped = self.steps.changed = True
        if not super().cancel():
            return False
        self.get_loop().call_later(GRACE_SECONDS, self._let_go)
        return True

    def abandon(self) -> None:
        """Let it end although its handler runs on in a thread: its engine ends. Call :meth:`stop` before."""
        self.steps.abandoned = True
        super().cancel()

    def _let_go(self) -> None:
        self.steps.let_go = True
        super().cancel()

    def cancel(self, msg: Untyped = None) -> bool:
        """As ``Task.cancel``. While no handler runs, it is ignored, unless the event loop is being closed.

        So it is if a handler that was given up requests it, such as by an ``asyncio.timeout`` that it began here.
        """
        if asyncio._get_running_loop() is None:  # noqa: SLF001 - the public form raises where there is none
            return self.stop()
        if not self.steps.runs_handlers or (self.steps.given_up and _given_up.get() != self.steps.given_up):
            return False
        self.steps.changed = True
        return super().cancel(msg)

    def gave_up(self) -> None:
        """The handler was given up, and runs on elsewhere. The rest of the batch runs here, in the current context."""
        self.steps.given_up += 1
        _given_up.set(self.steps.given_up)

    def set_name(self, value: object, /) -> None:
        self.steps.changed = True
        super().set_name(value)

    def add_done_callback(self, fn: Callable[[Untyped], object], /, *, context: Context | None = None) -> None:
        self.steps.changed = True
        super().add_done_callback(fn, context=context)

    def __setattr__(self, name: str, value: object) -> None:
        self.steps.changed = True
        super().__setattr__(name, value)

    def get_context(self) -> Context:
        return self.steps.context


class HandlerSteps(Coroutine[Untyped, Untyped, Untyped]):
    """The coroutine of a handler task: the steps of *work* in *context*.

    If the first step of *work* has run already, *pending* is what it yielded, and what this yields first.

    It has the attributes of its task, too: those of the task itself can be set by any code, which is noticed.
    """

    __slots__ = (
        "abandoned", "changed", "context", "first", "given_up", "let_go", "pending", "runs_handlers", "stopped", "work",
    )  # fmt: skip

    def __init__(self, work: Untyped = None, context: Context | None = None) -> None:
        self.work, self.context = work, Context() if context is None else context
        self.pending: Untyped = _NOT_STARTED
        self.stopped = False
        """Whether the engine requested the cancellation."""
        self.given_up = 0
        """The number of handlers that began here and were given up."""
        self.let_go = False
        """Whether its handler is given up if it still runs: it was stopped a while ago."""
        self.abandoned = False
        """Whether nothing waits for its handler any more, not even if it runs in a thread."""
        self.runs_handlers = False
        """Whether a handler is running. Set by dispatch; a ``cancel`` from other code changes nothing while it is
        False."""
        self.changed = False
        """Whether something was done to the task that the next batch must not see."""
        self.first: Callable[[], object] | None = None
        """While the task is idle: makes it take its first step."""

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
        if issubclass(type(error[0]), GeneratorExit):  # isinstance() would ask an error of the user for __class__
            return self.context.run(self.work.send, None)
        return self.context.run(self.work.throw, *error)

    def _first(self) -> Untyped:
        pending, self.pending = self.pending, _NOT_STARTED
        return pending

    def close(self) -> None:
        self.context.run(self.work.close)

    def __await__(self) -> Untyped:  # abstract in Coroutine; a task calls the methods above
        raise NotImplementedError


class _Loop:
    """An event loop that has run handlers, and its idle task."""

    __slots__ = ("idle", "loop", "references")

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.loop = loop
        self.idle: HandlerTask[Untyped] | None = None
        self.references = 0.0
        """The number of references to its idle task while that runs a batch, if no handler has kept one."""


class _Loops(dict[asyncio.AbstractEventLoop, _Loop]):
    """By event loop. Not a weak dictionary, whose look-ups take longer than the rest of what a batch needs here."""

    last = _Loop(None)
    """The one that ran handlers last: most programs have one."""

    def __missing__(self, loop: asyncio.AbstractEventLoop) -> _Loop:
        for each in list(self):
            if each.is_closed():
                self.pop(each, None)
        return self.setdefault(loop, _Loop(loop))


_loops: Final = _Loops()


def start_handler_task(work: Coroutine[Untyped, Untyped, _T], *, eager: bool = True) -> HandlerTask[_T] | None:
    """Run *work* in a handler task. If *eager*, its first step runs at once, except on loops written in C.

    Returns:
        The task of *work*; None if *work* has ended, and its result is dropped.

    Raises:
        BaseException: *work* raised it.
    """
    loop = asyncio.get_running_loop()
    if not eager:
        return HandlerTask(HandlerSteps(work, copy_context()), loop=loop)
    known = _loops.last
    if known.loop is not loop:
        known = _loops.last = _loops[loop]
    task = known.idle
    if task is None:
        task = _new_idle_task(loop)
        if task is None:
            return HandlerTask(HandlerSteps(work, copy_context()), loop=loop)
        known.references = _getrefcount(task)
    known.idle = None
    context = copy_context()
    end: BaseException | None = None
    try:
        # Not by `send`, which would raise a StopIteration: that costs as much as the rest of this function.
        pending = run_step(loop, task, context, work.__await__())
    except BaseException as error:
        pending, end = ENDED, error
    if pending is not ENDED:
        _continue(task, work, context, pending)
        return task
    if task.steps.changed or _getrefcount(task) != known.references or getweakrefcount(task):
        _finish(task, end)
    else:
        known.idle = task
    if end is not None:
        try:
            raise end
        finally:
            del end  # its traceback refers to this frame
    return None


def _new_idle_task(loop: Untyped) -> HandlerTask[Untyped] | None:
    """A task of *loop* that is idle; None on loops written in C.

    A new task schedules its first step by ``loop.call_soon``. This function intercepts that call.
    """
    if "call_soon" in getattr(loop, "__dict__", _NO_DICT):  # a loop written in C, or one that others changed
        return None
    scheduled: list[Callable[[], object]] = []
    loop.call_soon = lambda step, **_: scheduled.append(step)
    try:
        steps = HandlerSteps()
        task: HandlerTask[Untyped] = HandlerTask(steps, loop=loop)
    finally:
        del loop.call_soon
    [steps.first] = scheduled
    scheduled.clear()
    task._log_destroy_pending = False  # noqa: SLF001 - asyncio sets it, too
    _unregister_task(task)
    steps.changed = False
    return task


def _continue(
    task: HandlerTask[Untyped], work: Coroutine[Untyped, Untyped, Untyped], context: Context, pending: object
) -> None:
    """Give *work* to *task*, which is idle, and let it take its first step."""
    steps = task.steps
    first, steps.first = steps.first, None
    steps.work, steps.context, steps.pending = work, context, pending
    task._log_destroy_pending = True  # noqa: SLF001 - asyncio sets it, too
    _register_task(task)
    assert first is not None  # it is idle
    run_without_task(first)


def _finish(task: HandlerTask[Untyped], end: BaseException | None) -> None:
    """End *task*, which is idle, with the error *end* or none: others refer to it, and may wait for it."""
    _continue(task, _ended(end), Context(), _NOT_STARTED)
    if not task.cancelled():
        task.exception()  # mark it as retrieved


async def _ended(end: BaseException | None) -> Untyped:
    if end is not None:
        raise end


async def in_own_context(work: Coroutine[Untyped, Untyped, _T]) -> _T:
    """The result of *work*, run in a copy of the current context: what it sets there does not remain."""
    context = copy_context()
    result = context.run(first_step, work)
    if not isinstance(result, Paused):
        return result
    return await resumed(HandlerSteps(result.rest, context), result.pending)
