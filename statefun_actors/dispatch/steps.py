"""Running a coroutine's first step before deciding what to spend on it.

Most handlers never wait for anything. Their coroutine ends in its first step, so a timer, a task or a second worker
is set up only for those that do suspend.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any as Untyped
from typing import TypeVar

_T = TypeVar("_T")


@types.coroutine
def resumed(coroutine: Coroutine[Untyped, Untyped, _T], pending: object) -> Generator[Untyped, Untyped, _T]:
    """Go on with *coroutine*, whose last step handed out *pending*, as if it had been awaited from the start."""
    while True:
        try:
            sent = yield pending
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to the coroutine, whatever it is
            try:
                pending = coroutine.throw(error)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
        else:
            try:
                pending = coroutine.send(sent)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
