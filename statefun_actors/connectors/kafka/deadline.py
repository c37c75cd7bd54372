"""A timeout for calls of the client that ignore their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def within(seconds: float, call: Callable[[], _T]) -> _T:
    """Run *call* in a thread; return its result.

    Raises:
        TimeoutError: it took longer than *seconds*. The call continues in its daemon thread, perhaps forever, and its
            result is dropped.
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
