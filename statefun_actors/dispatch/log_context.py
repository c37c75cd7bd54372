"""Finds the message that the current code handles, for log records.

The lookup happens when something is logged, so handlers that log nothing pay nothing. Code in the call of a handler,
suspended or not, has ``dispatch`` on its stack. Threads (``blocking=True``, ``asyncio.to_thread``) and tasks that a
handler starts have not: they inherit a context variable, which is set only for classes with handlers that can wait,
and only once something looks up messages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import CodeType
from typing import Any as Untyped
from typing import Final

from statefun_actors.address import Address
from statefun_actors.definition import Scope

_inherited: Final[ContextVar[Scope | None]] = ContextVar("statefun_actors_scope", default=None)
_on_stack: Final[dict[CodeType, Callable[[dict[str, Untyped]], Scope | None]]] = {}

inherit: Final = _inherited.set
"""Set the scope that threads and tasks started from here inherit; only needed if there are :data:`lookups`.

It is never reset: handlers that can wait run in a task of their own batch.
"""

lookups: Final[list[Callable[[], tuple[Address, str] | None]]] = []
"""Empty until the first call of :func:`message_lookup`: setting the variable takes a percent of a batch of one."""


def found_in(function: Callable[..., object], scope: Callable[[dict[str, Untyped]], Scope | None]) -> None:
    """Register *scope*, which finds the scope in the local variables of a running *function*."""
    _on_stack[function.__code__] = scope


def message_lookup() -> Callable[[], tuple[Address, str] | None]:
    """A function that returns the address and the message typename that its caller handles; None outside of a handler.

    The typename is empty before the first message of a batch. The threads and tasks of batches that run already are
    outside of a handler.
    """
    if not lookups:
        lookups.append(_running_message)
    return _running_message


def _running_message() -> tuple[Address, str] | None:
    scope = _scope()
    if scope is None:
        return None
    return scope.target, "" if scope.invocation is None else scope.invocation.argument.typename


def _scope() -> Scope | None:
    frame = sys._getframe(2)  # noqa: SLF001 - the only way to the caller's stack
    while frame is not None:
        find = _on_stack.get(frame.f_code)
        if find is not None:
            return find(frame.f_locals)
        frame = frame.f_back  # type: ignore[assignment]
    return _inherited.get()
