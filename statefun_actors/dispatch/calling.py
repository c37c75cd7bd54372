"""Calls handlers: a plain call starts one, and returns its result, or a :class:`Waiting` if it suspends.

Most handlers never wait for anything, whether written ``async def`` or not. Only those that wait cost a coroutine, a
timer or a thread.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextvars import Context
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any as Untyped
from typing import TypeAlias

from statefun_actors.definition import Handler
from statefun_actors.dispatch.diagnostics import HELD_TOO_LONG
from statefun_actors.dispatch.events import LoopHeld
from statefun_actors.dispatch.first_step import Paused, first_step
from statefun_actors.dispatch.given_up import GRACE_SECONDS, given_up
from statefun_actors.dispatch.handler_task import HandlerSteps, HandlerTask
from statefun_actors.dispatch.handler_threads import HandlerThread, HandlerThreads
from statefun_actors.dispatch.instruments import Instruments
from statefun_actors.dispatch.stepping import RUNS_ON, Continued, SelfClosedError, Steps, Watch
from statefun_actors.errors import HandlerTimeoutError, NotAMessageError
from statefun_actors.host import Deadline, Host

Start: TypeAlias = Callable[[Untyped, Untyped], object]


def start_of(handler: Handler, timeout: float | None, threads: HandlerThreads) -> Start:
    """A function that starts *handler* with a subject and a message, and returns its result or a Waiting.

    *timeout* is in seconds; *threads* are those of blocking handlers.
    """
    name, function = handler.name, handler.function
    if handler.blocking:
        return lambda subject, message: InThread(name, timeout, functools.partial(function, subject, message), threads)
    if not handler.is_async:
        return function

    def start(subject: object, message: object) -> object:
        coroutine: Untyped = function(subject, message)
        if coroutine.__class__ is not CoroutineType:
            # An async function that a decorator wrapped.
            return Other(name, timeout, coroutine) if inspect.isawaitable(coroutine) else coroutine
        result = first_step(coroutine)
        if result.__class__ is Paused:
            return Suspended(name, timeout, result.rest, result.pending)
        return result

    return start


class Waiting:
    """A handler that has started, and whose result is pending. Subclasses define :meth:`result`.

    Not an ABC: ``isinstance``, which runs for each such handler, takes longer for these.
    """

    __slots__ = ("name", "timeout")

    def __init__(self, name: str, timeout: float | None) -> None:
        self.name, self.timeout = name, timeout

    async def result(
        self, context: Context, host: Host, instruments: Instruments, task: HandlerTask[Untyped] | None
    ) -> object:
        """Wait for the handler, which goes on in *context*, as *task*, and return its result.

        Raises:
            HandlerTimeoutError: it took longer than its timeout.
            BaseException: the handler raised it.
        """
        raise NotImplementedError

    async def _in_time(self, work: Awaitable[object], deadline: Deadline) -> object:
        """The result of *work* within *deadline*. Later results are ignored, whether it was cancelled or continued."""
        assert self.timeout is not None
        try:
            async with deadline:
                result = await work
        except GeneratorExit:
            raise
        except BaseException as error:
            if deadline.expired():
                raise HandlerTimeoutError(self.name, self.timeout) from error
            raise
        if deadline.expired():
            raise HandlerTimeoutError(self.name, self.timeout)
        return result


class Suspended(Waiting):
    """An ``async def`` after its first step.

    It is cancelled at its timeout, and when its batch is stopped. If it still runs a while later, it is given up.
    """

    __slots__ = ("coroutine", "pending")

    def __init__(self, name: str, timeout: float | None, coroutine: Steps[object], pending: object) -> None:
        super().__init__(name, timeout)
        self.coroutine, self.pending = coroutine, pending

    async def result(
        self, context: Context, host: Host, instruments: Instruments, task: HandlerTask[Untyped] | None
    ) -> object:
        def held(seconds: float) -> None:
            instruments.loop_held(LoopHeld(self.name, seconds))

        watch = Watch(host.monotonic, HELD_TOO_LONG, held)
        run = Continued(HandlerSteps(self.coroutine, context), self.pending, watch)
        if self.timeout is not None:
            deadline = host.timeout(self.timeout)
            return await self._in_time(self._with_grace(run, deadline, host, task), deadline)
        result = await run.until(lambda: _lets_go(task))
        if result is RUNS_ON:
            await self._give_up(run, None, host, task)
            raise asyncio.CancelledError
        return result

    async def _with_grace(
        self, run: Continued, deadline: Deadline, host: Host, task: HandlerTask[Untyped] | None
    ) -> object:
        result = await run.until(lambda: deadline.expired() or _lets_go(task))
        if result is RUNS_ON and not _lets_go(task):
            grace = host.timeout(GRACE_SECONDS)
            async with grace:
                result = await run.until(lambda: grace.expired() or _lets_go(task))
        if result is RUNS_ON:
            await self._give_up(run, self.timeout if deadline.expired() else None, host, task)
        return result

    async def _give_up(
        self, run: Continued, seconds: float | None, host: Host, task: HandlerTask[Untyped] | None
    ) -> None:
        keeps_place = given_up.add(self.name, seconds, run)
        if task is not None:
            task.gave_up()
        if keeps_place is not None:
            await _ends(keeps_place, None, host, task)


def _lets_go(task: HandlerTask[Untyped] | None) -> bool:
    return task is not None and task.steps.let_go


class Other(Waiting):
    """Any other awaitable."""

    __slots__ = ("awaitable",)

    def __init__(self, name: str, timeout: float | None, awaitable: Awaitable[object]) -> None:
        super().__init__(name, timeout)
        self.awaitable = awaitable

    async def result(
        self, context: Context, host: Host, instruments: Instruments, task: HandlerTask[Untyped] | None
    ) -> object:
        waiting = _awaited(self.awaitable)
        try:
            result = context.run(first_step, waiting)
        except GeneratorExit as error:
            raise SelfClosedError from error
        if not isinstance(result, Paused):
            return result
        rest = Suspended(self.name, self.timeout, result.rest, result.pending)
        return await rest.result(context, host, instruments, task)


async def _awaited(awaitable: Awaitable[object]) -> object:
    return await awaitable


class InThread(Waiting):
    """A blocking handler, in a thread of its own, in which its timeout begins.

    A cancelled batch waits for the thread, so that no other batch of this address runs at the same time.
    A timeout does not wait, nor does the end of the engine: the subject is abandoned, so that later changes by the
    thread have no effect.
    """

    __slots__ = ("call", "threads")

    def __init__(self, name: str, timeout: float | None, call: Callable[[], object], threads: HandlerThreads) -> None:
        super().__init__(name, timeout)
        self.call, self.threads = call, threads

    async def result(
        self,
        context: Context,
        host: Host,
        instruments: Instruments,  # noqa: ARG002 - as for the others
        task: HandlerTask[Untyped] | None,
    ) -> object:
        thread = await self.threads.begin(functools.partial(context.run, self._run))
        result = thread.call.result
        began = host.monotonic()
        try:
            if self.timeout is None:
                return await asyncio.shield(result)
            return await self._in_time(asyncio.shield(result), host.timeout(self.timeout))
        except HandlerTimeoutError:
            self._give_up(thread, self.timeout)
            raise
        except asyncio.CancelledError:
            until = None if self.timeout is None else began + self.timeout
            if await _ends(result, until, host, task):
                _forget(result)
            else:
                self._give_up(thread, None if _abandoned(task) else self.timeout)
            raise

    def _give_up(self, thread: HandlerThread[object], seconds: float | None) -> None:
        self.threads.give_up(thread, self.name, seconds)
        thread.call.result.add_done_callback(_forget)

    def _run(self) -> object:
        try:
            return self.call()
        except StopIteration as error:
            # A future can't hold a StopIteration.
            raise RuntimeError("the handler raised StopIteration") from error
        except GeneratorExit as error:
            raise SelfClosedError from error


async def _ends(
    result: asyncio.Future[Untyped], until: float | None, host: Host, task: HandlerTask[Untyped] | None
) -> bool:
    """Whether *result* is done by *until* on the host's monotonic clock, and before *task* is abandoned.

    Other cancellations don't end the wait.
    """
    while not result.done():
        if _abandoned(task):
            return False
        try:
            if until is None:
                await asyncio.wait([result])
            else:
                async with host.timeout(max(0.0, until - host.monotonic())):
                    await asyncio.wait([result])
        except TimeoutError:
            return False
        except asyncio.CancelledError:
            continue  # asked again; the answer is the same
    return True


def _abandoned(task: HandlerTask[Untyped] | None) -> bool:
    return task is not None and task.steps.abandoned


def _forget(result: asyncio.Future[object]) -> None:
    if not result.cancelled():
        result.exception()


_NOT_BEGUN = frozenset({CoroutineType, GeneratorType, AsyncGeneratorType})
"""The classes of calls that nothing runs, unless somebody awaits or iterates over them."""

NOT_YET = frozenset({Suspended, Other, InThread}) | _NOT_BEGUN
"""The classes that a start may return in place of the result."""


async def awaited(
    started: object,
    handler: str,
    context: Context,
    host: Host,
    instruments: Instruments,
    task: HandlerTask[Untyped] | None,
) -> object:
    """Wait for the result of a start whose class is in NOT_YET, and which ran in *context*, as *task*.

    Raises:
        NotAMessageError: the handler returned a coroutine or a generator, which would never run.
        CancelledError: the engine stopped the batch, even if the handler swallowed it.
        BaseException: as :meth:`Waiting.result` does.
    """
    result = started
    if isinstance(started, Waiting):
        result = await started.result(context, host, instruments, task)
        if task is not None and task.stopped:
            raise asyncio.CancelledError
    if isinstance(result, CoroutineType):
        result.close()
        raise NotAMessageError(
            f"the coroutine that {handler} returned", "Make the handler `async def`, and await it there."
        )
    if result.__class__ in _NOT_BEGUN:
        raise NotAMessageError(
            f"the generator that {handler} returned", "Iterate over it in the handler, and return the result."
        )
    return result
