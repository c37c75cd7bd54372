"""A deadline for calls of the client that don't keep their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def within(seconds: float, call: Callable[[], _T]) -> _T:
    """What *call* returns or raises.

    Raises:
        TimeoutError: that takes longer than *seconds*. The call goes on in its thread, for ever perhaps, and what it
            comes to is dropped; nobody waits for it at the end of the process.
    """
    outcome: Future[_T] = Future()

    def work() -> None:
        try:
            result = call()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=work, daemon=True, name="statefun-actors Kafka egress, in a call").start()
    return outcome.result(seconds)
