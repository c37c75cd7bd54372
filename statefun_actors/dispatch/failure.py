"""Classifies failures: whether a retry can help, whether the whole batch fails, and the error to report."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from typing import Any as Untyped

from statefun_actors.dispatch.handler_task import HandlerTask
from statefun_actors.dispatch.served_function import ServedFunction
from statefun_actors.dispatch.stepping import SelfClosedError
from statefun_actors.errors import (
    HandlerExitError,
    InternalMessageError,
    MessageDecodeError,
    StateDecodeError,
    TerminalError,
    UnhandledMessageError,
)
from statefun_actors.interrupts import may_be_ctrl_c
from statefun_actors.model import Invocation
from statefun_actors.text import describe_error, describe_type, members_of


def is_terminal(error: BaseException) -> bool:
    """Whether no further attempt of the message can succeed."""
    if isinstance(error, HandlerExitError) and error.__cause__ is not None:
        error = error.__cause__
    if members := members_of(error):
        return _has_terminal(members)  # a TaskGroup wraps what its tasks raise
    return issubclass(type(error), (TerminalError, UnhandledMessageError, InternalMessageError, MessageDecodeError))


def _has_terminal(members: Iterable[BaseException]) -> bool:
    """Whether there is a TerminalError in the *members* of a group. ``subgroup()`` would call code of the user."""
    pending = [*members]
    while pending:
        each = pending.pop()
        if issubclass(type(each), TerminalError):
            return True
        pending += members_of(each)
    return False


def fails_batch(error: BaseException) -> bool:
    """Whether the whole batch fails, with any policy: the deployment is wrong, or Ctrl-C was pressed."""
    return isinstance(error, StateDecodeError) or not isinstance(error, Exception)


def failure_of(
    error: BaseException,
    served: ServedFunction,
    invocation: Invocation | None,
    task: HandlerTask[Untyped] | None,
    *,
    suspended: bool,
) -> BaseException:
    """Convert an exception that left a handler to the error of its message.

    Args:
        error: the exception.
        served: of the batch.
        invocation: the message; None if any message of the batch may have caused it.
        task: the task in which handlers run, if there is one.
        suspended: whether it was raised while a handler was suspended.

    Returns:
        An Exception; or a KeyboardInterrupt if this process is not that of ``run`` or ``serve``.

    Raises:
        GeneratorExit: the coroutine that waits for the handler is being closed.
        CancelledError: the engine stopped the batch, so later exceptions of its handler are no failures.
    """
    if suspended and issubclass(type(error), GeneratorExit):
        raise error
    if task is not None and task.stopped:
        raise error if issubclass(type(error), asyncio.CancelledError) else asyncio.CancelledError from error
    if type(error) is SelfClosedError:
        assert error.__cause__ is not None
        error = error.__cause__
    if not _is_sound(error):
        error = _sound(error)
    if isinstance(error, Exception):
        explain = getattr(served.function, "explain", None)
        return error if explain is None else explain(error)
    if may_be_ctrl_c(error):
        return error
    return exit_error(error, served, invocation)


def _is_sound(error: BaseException) -> bool:
    """Whether other code can look at *error*: its class may have a ``__class__``, a ``__getattribute__``, and so on."""
    try:
        bool(error)
        return error.__class__ is type(error) and (error.__cause__, error.__context__, error.__traceback__) is not None
    except BaseException:
        return False


def _sound(error: BaseException) -> BaseException:
    """An error with the text, the traceback, and the name of the class of *error*, at which other code can look."""
    kinds = (TerminalError, Exception, BaseException)
    kind = next(kind for kind in kinds if issubclass(type(error), kind))
    sound = _class_of(describe_type(error), kind)(describe_error(error))
    return sound.with_traceback(BaseException.__dict__["__traceback__"].__get__(error))


@lru_cache(100)
def _class_of(name: str, kind: type[BaseException]) -> type[BaseException]:
    """A subclass of *kind*. Failures of one kind are recognized by their class, as when they are logged."""
    return type(name, (kind,), {})


def exit_error(error: BaseException, served: ServedFunction, invocation: Invocation | None) -> HandlerExitError:
    """*error*, which is not an Exception, as an error of the handler that it left."""
    name = served.function.typename
    if invocation is not None and (handler := served.handlers.get(invocation.argument.typename, served.any_handler)):
        name = handler.name
    wrapped = HandlerExitError(name, _shown(error))
    wrapped.__cause__ = error
    return wrapped


def _shown(error: BaseException) -> str:
    try:
        shown = repr(error)
    except BaseException:  # a user's __repr__ may raise anything
        shown = type(error).__name__
    cancelled = isinstance(error, asyncio.CancelledError)
    return f"{shown} (its task, or one that it awaited, was cancelled)" if cancelled else shown
