"""Runs blocking calls in threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


async def in_thread(name: str, call: Callable[[], _T]) -> _T:
    """Run *call* in a daemon thread, since it may never end; return its result.

    If this is cancelled, the call continues, and its result is dropped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def finish(set_outcome: Callable[[], None]) -> None:
        if not done.cancelled():
            set_outcome()

    def work() -> None:
        try:
            result = call()
        except Exception as error:
            failure = error
            outcome = lambda: done.set_exception(failure)  # noqa: E731 - one of two
        else:
            outcome = lambda: done.set_result(result)  # noqa: E731 - the other
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(finish, outcome)

    threading.Thread(target=work, daemon=True, name=name).start()
    return await done
