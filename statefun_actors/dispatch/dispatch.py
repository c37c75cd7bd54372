"""``dispatch(batch, app, host) -> Outcome``: the only function that runs user code.

It touches no socket, file or database, and reaches time through *host* alone. Each engine hands it a batch and decides
what becomes of the outcome, so a behaviour is written here once for all of them.

A batch of a class without a failure policy is checked once, at its end: any failure discards all of it, so there is
nothing to go back to in between. With a policy every message is settled on its own. Settling encodes what the message
touched; those bytes are at once the check, the change test and the point to go back to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC
from typing import Any as Untyped
from typing import Final, assert_never

from statefun_actors.definition import DeadLetter, Discard, FailurePolicy, FunctionType, Scope
from statefun_actors.dispatch.application import Application, BoundHandler, Route
from statefun_actors.dispatch.failure import clarified, dead_letter, describe_error, fails_batch, is_terminal
from statefun_actors.dispatch.steps import resumed
from statefun_actors.errors import (
    HandlerExitError,
    HandlerTimeoutError,
    MessageDecodeError,
    UnknownFunctionTypeError,
)
from statefun_actors.model import (
    Batch,
    Done,
    Failed,
    Host,
    Invocation,
    MissingState,
    Outcome,
    Setback,
    Settlement,
)

logger: Final = logging.getLogger("statefun_actors.dispatch")


async def dispatch(batch: Batch, app: Application, host: Host) -> Outcome:
    """Run every message of *batch* in order.

    Returns:
        :class:`Done` with effects and changed states; :class:`MissingState` where the batch lacks states that the
        function declares (no user code has run); :class:`Failed` where the batch comes to nothing.
    """
    route = app.routes.get(batch.target.typename)
    if route is None:
        return Failed(None, UnknownFunctionTypeError(batch.target.typename, app.typenames))
    if not route.state_names.issubset(batch.state):
        return MissingState([spec for spec in route.function.states if spec.name not in batch.state])
    scope = Scope(batch, host, app.settings.record_egresses)
    if route.guarded:
        return await _GuardedRun(batch, app, route, scope).outcome()

    function = route.function
    subject = function.open(scope)
    handlers = route.handlers
    effects = scope.effects
    marks = []
    index = -1
    try:
        for invocation in batch.invocations:
            index += 1
            argument = invocation.argument
            handler = handlers.get(argument.typename) or route.handler(argument.typename)
            scope.begin(invocation.caller)
            try:
                message = handler.decode(argument.value, argument.typename)
            except ValueError as error:
                raise MessageDecodeError(argument.typename, describe_error(error)) from error
            if handler.blocking or handler.is_async:
                result = await _call(handler, subject, message, host)
            else:
                result = handler.function(subject, message)
            if result is not None:
                scope.reply(result)
            marks.append(len(effects))
        index = len(batch.invocations) - 1 if len(batch.invocations) == 1 else -1
        function.settle(subject, scope)
    except BaseException as raised:  # noqa: BLE001 - sorted out below
        error = _sorted(raised, route, batch.invocations[index] if index >= 0 else None)
        function.abandon(subject)
        return Failed(index if index >= 0 else None, scope.fatal or error)
    if scope.fatal is not None:
        return Failed(None, scope.fatal)
    return _done(scope, function, (), marks)


async def _call(handler: BoundHandler, subject: object, message: object, host: Host) -> object:
    """Call a handler that may suspend. Its timer is set only once it does."""
    if handler.blocking:
        return await _in_thread(handler, subject, message, host)
    coroutine: Coroutine[Untyped, Untyped, object] = handler.function(subject, message)  # type: ignore[assignment]
    if handler.timeout is None:
        return await coroutine
    try:
        pending = coroutine.send(None)
    except StopIteration as done:
        return done.value
    deadline = host.timeout(handler.timeout)
    try:
        async with deadline:
            return await resumed(coroutine, pending)
    except TimeoutError as error:
        if deadline.expired():
            raise HandlerTimeoutError(handler.name, handler.timeout) from error
        raise


async def _in_thread(handler: BoundHandler, subject: object, message: object, host: Host) -> object:
    """A blocking handler in a thread of its own.

    When the batch is cancelled the thread is waited for, so that nothing else of this address starts beside it.
    A timeout does not wait: the subject is abandoned, so that what the thread still does to it changes nothing.
    """
    thread = asyncio.get_running_loop().run_in_executor(None, _plain, handler.function, subject, message)
    try:
        if handler.timeout is None:
            return await asyncio.shield(thread)
        deadline = host.timeout(handler.timeout)
        try:
            async with deadline:
                return await asyncio.shield(thread)
        except TimeoutError as error:
            if deadline.expired():
                thread.add_done_callback(_forget)
                raise HandlerTimeoutError(handler.name, handler.timeout) from error
            raise
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        _forget(thread)
        raise


def _plain(function: Untyped, subject: object, message: object) -> object:
    try:
        return function(subject, message)
    except StopIteration as error:
        # A future can't hold a StopIteration.
        raise RuntimeError("the handler raised StopIteration") from error


def _forget(thread: asyncio.Future[object]) -> None:
    if not thread.cancelled():
        thread.exception()


def _sorted(error: BaseException, route: Route, invocation: Invocation | None) -> BaseException:
    """What a handler raised, as the error of its message; exceptions that are not the handler's go on upwards."""
    if isinstance(error, GeneratorExit | KeyboardInterrupt):
        raise error
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task() if asyncio._get_running_loop() else None  # noqa: SLF001 - no loop is fine here
        if task is not None and task.cancelling():
            raise error
    if isinstance(error, Exception):
        return clarified(error, _class_name(route), tuple(spec.name for spec in route.function.states))
    name = route.function.typename
    if invocation is not None and (handler := route.handlers.get(invocation.argument.typename, route.any_handler)):
        name = handler.name
    wrapped = HandlerExitError(name, repr(error))
    wrapped.__cause__ = error
    return wrapped


def _class_name(route: Route) -> str:
    return getattr(route.function, "name", route.function.typename)


def _done(
    scope: Scope, function: FunctionType, setbacks: tuple[Setback, ...] | list[Setback], marks: list[int]
) -> Done:
    changes = scope.changes
    if changes:
        before = scope.batch_state
        order = [spec.name for spec in function.states] if function.states else list(changes)
        changes = {
            name: changes[name]
            for name in dict.fromkeys((*order, *changes))
            if name in changes and (changes[name] is not None or before.get(name) is not None)
        }
    if scope.dropped_replies:
        _note_dropped(function.typename, scope.dropped_replies)
    return Done(scope.effects, changes, setbacks, marks)


dropped_replies: Final[dict[str, int]] = {}
"""How many replies each function type gave to messages without a caller."""


def _note_dropped(typename: str, count: int) -> None:
    if typename not in dropped_replies:
        logger.info("%s replied to a message without a caller; such replies are dropped (said once)", typename)
    dropped_replies[typename] = dropped_replies.get(typename, 0) + count


class _GuardedRun:
    """A batch in which a message that fails is undone by its policy while the rest goes on."""

    def __init__(self, batch: Batch, app: Application, route: Route, scope: Scope) -> None:
        self.batch, self.app, self.route, self.scope = batch, app, route, scope
        self.budget = app.settings.retry_budget
        self.setbacks: list[Setback] = []
        self.subject = route.function.open(scope)

    async def outcome(self) -> Outcome:
        scope, function = self.scope, self.route.function
        marks = []
        for index, invocation in enumerate(self.batch.invocations):
            attempt = 1
            while True:
                mark = len(scope.effects)
                dropped = scope.dropped_replies
                policy = self.route.policy
                try:
                    handler = self.route.handler(invocation.argument.typename)
                    policy = handler.policy
                    await self._attempt(handler, invocation)
                    break
                except BaseException as raised:  # noqa: BLE001 - sorted out by _sorted
                    error = _sorted(raised, self.route, invocation)
                    del scope.effects[mark:]
                    scope.dropped_replies = dropped
                    function.abandon(self.subject)
                    if scope.fatal is not None or policy is None or fails_batch(error):
                        return Failed(index, scope.fatal or error)
                    scope.fresh()
                    self.subject = function.open(scope)
                    if self._may_retry(policy, error, attempt):
                        self.budget -= (wait := policy.backoff * 2 ** (attempt - 1))
                        if wait:
                            await scope.host.sleep(wait)
                        attempt += 1
                        continue
                    self._settle_failure(policy, index, invocation, error, attempt)
                    break
            marks.append(len(scope.effects))
        return _done(scope, function, self.setbacks, marks)

    async def _attempt(self, handler: BoundHandler, invocation: Invocation) -> None:
        scope = self.scope
        argument = invocation.argument
        scope.begin(invocation.caller)
        try:
            message = handler.decode(argument.value, argument.typename)
        except ValueError as error:
            raise MessageDecodeError(argument.typename, describe_error(error)) from error
        if handler.blocking or handler.is_async:
            result = await _call(handler, self.subject, message, scope.host)
        else:
            result = handler.function(self.subject, message)
        if result is not None:
            scope.reply(result)
        if scope.fatal is not None:
            raise scope.fatal
        self.route.function.settle(self.subject, scope)

    def _may_retry(self, policy: FailurePolicy, error: BaseException, attempt: int) -> bool:
        if attempt >= policy.attempts or is_terminal(error):
            return False
        return policy.backoff * 2 ** (attempt - 1) <= self.budget

    def _settle_failure(
        self, policy: FailurePolicy, index: int, invocation: Invocation, error: BaseException, attempts: int
    ) -> None:
        target = self.batch.target
        match policy:
            case DeadLetter():
                time = self.scope.host.now().astimezone(UTC).isoformat()
                self.scope.effects.append(dead_letter(policy, self.app, target, invocation, error, attempts, time))
                settlement = Settlement.DEAD_LETTER
            case Discard():
                settlement = Settlement.DISCARDED
            case _:
                assert_never(policy)
        logger.warning(
            "%s: %s of type %s after %d attempt%s: %s: %s",
            target, settlement.value, invocation.argument.typename, attempts, "" if attempts == 1 else "s",
            type(error).__name__, describe_error(error),
        )  # fmt: skip
        self.setbacks.append(Setback(index, error, settlement, attempts))
