"""Opens a new subject for the next message of a batch, if code of an earlier message still holds the one before.

A task, a thread or a callback that a handler left behind may go on while later messages run. With their subject it
would act as them: reply to their callers, and change state in their name. Like what outlives a batch of one message, it
has a subject that is over, and gets a DetachedEntityError.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any as Untyped
from typing import Final

from statefun_actors.definition import FunctionType, Scope

references_to: Final[Callable[[object], float]] = getattr(sys, "getrefcount", lambda _: float("nan"))
"""The number of references to an object. Without it no number is as expected, so each message gets a new subject."""


def reopened(function: FunctionType, subject: Untyped, scope: Scope) -> Untyped:
    """A new subject of *scope* in place of *subject*, whose changes are settled, and which is over."""
    function.abandon(subject)
    scope.forget()
    return function.open(scope)
