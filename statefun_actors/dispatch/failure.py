"""What a failure means: for its message, for its batch, and for whoever reads of it."""

from __future__ import annotations

import asyncio

from statefun_actors.dispatch.application import Route
from statefun_actors.dispatch.steps import SelfClosedError
from statefun_actors.errors import (
    HandlerExitError,
    MessageDecodeError,
    StateDecodeError,
    TerminalError,
    UnhandledMessageError,
)
from statefun_actors.model import Invocation


def is_terminal(error: BaseException) -> bool:
    """Whether the message is at fault in a way that no further attempt can cure."""
    if isinstance(error, BaseExceptionGroup):
        # A TaskGroup wraps what its tasks raise.
        return error.subgroup(TerminalError) is not None
    return isinstance(error, TerminalError | UnhandledMessageError | MessageDecodeError)


def fails_batch(error: BaseException) -> bool:
    """Whether the whole batch fails, whatever the policy: the deployment is at fault, or the handler tried to leave."""
    return isinstance(error, StateDecodeError | HandlerExitError)


def sorted_out(error: BaseException, route: Route, invocation: Invocation | None, *, waiting: bool) -> Exception:
    """What a handler raised, as the error of its message; *waiting* = while it was being waited for.

    Raises:
        BaseException: *error* itself where it is not the handler's: its task is being cancelled, the coroutine that
            waits for it closed, the process interrupted.
    """
    if isinstance(error, KeyboardInterrupt) or (waiting and isinstance(error, GeneratorExit)):
        raise error
    if isinstance(error, SelfClosedError):
        assert error.__cause__ is not None
        error = error.__cause__
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task() if asyncio._get_running_loop() else None  # noqa: SLF001 - no loop is fine here
        if task is not None and task.cancelling():
            raise error
    if isinstance(error, Exception):
        explain = getattr(route.function, "explain", None)
        return error if explain is None else explain(error)
    name = route.function.typename
    if invocation is not None and (handler := route.handlers.get(invocation.argument.typename, route.any_handler)):
        name = handler.name
    wrapped = HandlerExitError(name, describe_exit(error))
    wrapped.__cause__ = error
    return wrapped


def describe_exit(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:
        return type(error).__name__
