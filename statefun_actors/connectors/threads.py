"""Calls that block, made beside the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


async def in_thread(name: str, call: Callable[[], _T]) -> _T:
    """What *call* returns or raises, in a thread that nobody waits for at the end of the process: it may never end.

    If this is cancelled, the call goes on, and what it comes to is dropped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def tell(tell: Callable[[], None]) -> None:
        if not done.cancelled():
            tell()

    def work() -> None:
        try:
            result = call()
        except Exception as error:
            failure = error
            told = lambda: done.set_exception(failure)  # noqa: E731 - one of two
        else:
            told = lambda: done.set_result(result)  # noqa: E731 - the other
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, told)

    threading.Thread(target=work, daemon=True, name=name).start()
    return await done
