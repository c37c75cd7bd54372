"""Which message is being handled where a line is logged.

It is looked up when something is logged, so that handlers that log nothing pay nothing for it. What runs in the call
of a handler, however often it was suspended, has ``dispatch`` on its stack. Threads (``blocking=True``,
``asyncio.to_thread``) and tasks that a handler starts have not: they inherit a context variable, which is set only for
classes with handlers that can wait.
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
"""Have threads and tasks that start from here find this scope.

Nobody takes it back: handlers that can wait run in a task of their batch alone.
"""


def found_in(function: Callable[..., object], scope: Callable[[dict[str, Untyped]], Scope | None]) -> None:
    """Let *scope* find the scope among the local variables of a running *function*."""
    _on_stack[function.__code__] = scope


def running_message() -> tuple[Address, str] | None:
    """Address and message typename of what the calling code handles; None outside of a handler.

    The typename is empty before the first message of a batch.
    """
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
