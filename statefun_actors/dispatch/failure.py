"""What a failure means: for its message, for its batch, and for whoever reads of it."""

from __future__ import annotations

import asyncio
from typing import Any as Untyped

from statefun_actors.dispatch.application import ServedFunction
from statefun_actors.dispatch.process import owns_process
from statefun_actors.dispatch.stepping import SelfClosedError
from statefun_actors.dispatch.tasks import HandlerTask
from statefun_actors.errors import (
    HandlerExitError,
    InternalMessageError,
    MessageDecodeError,
    StateDecodeError,
    TerminalError,
    UnhandledMessageError,
)
from statefun_actors.model import Invocation


def is_terminal(error: BaseException) -> bool:
    """Whether the message is at fault in a way that no further attempt can cure."""
    if isinstance(error, HandlerExitError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, BaseExceptionGroup):
        # A TaskGroup wraps what its tasks raise.
        return error.subgroup(TerminalError) is not None
    return isinstance(error, TerminalError | UnhandledMessageError | InternalMessageError | MessageDecodeError)


def fails_batch(error: BaseException) -> bool:
    """Whether the whole batch fails, whatever the policy: the deployment is at fault, or Ctrl-C was pressed."""
    return isinstance(error, StateDecodeError) or not isinstance(error, Exception)


def failure_of(
    error: BaseException,
    route: ServedFunction,
    invocation: Invocation | None,
    task: HandlerTask[Untyped] | None,
    *,
    suspended: bool,
) -> BaseException:
    """What left a handler, as the error of its message.

    Args:
        error: what was raised.
        route: of the batch.
        invocation: the message, None if it may have been any of the batch.
        task: the one in which handlers run, if there is one.
        suspended: whether it was raised while a handler was being waited for.

    Returns:
        An Exception; or a KeyboardInterrupt where this process isn't ``run``'s or ``serve``'s own.

    Raises:
        GeneratorExit: the coroutine that waits for the handler is being closed.
        CancelledError: the engine stopped the batch, so nothing that its handler still raises is a failure.
    """
    if suspended and isinstance(error, GeneratorExit):
        raise error
    if task is not None and task.stopped:
        raise error if isinstance(error, asyncio.CancelledError) else asyncio.CancelledError from error
    if isinstance(error, SelfClosedError):
        assert error.__cause__ is not None
        error = error.__cause__
    if isinstance(error, Exception):
        explain = getattr(route.function, "explain", None)
        return error if explain is None else explain(error)
    if isinstance(error, KeyboardInterrupt) and not owns_process():
        return error
    return exit_error(error, route, invocation)


def exit_error(error: BaseException, route: ServedFunction, invocation: Invocation | None) -> HandlerExitError:
    """*error*, which is no Exception, as an error of the handler that it left."""
    name = route.function.typename
    if invocation is not None and (handler := route.handlers.get(invocation.argument.typename, route.any_handler)):
        name = handler.name
    wrapped = HandlerExitError(name, _shown(error))
    wrapped.__cause__ = error
    return wrapped


def _shown(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return f"{error!r} (its task, or one that it awaited, was cancelled)"
    try:
        return repr(error)
    except BaseException:  # a user's __repr__ may raise anything
        return type(error).__name__
