"""What an event loop reports and no caller can catch: failed handshakes, broken connections, no descriptors left.

These are the doing of clients and of the machine, and come by the thousand, so each kind is one line a minute and no
traceback. While there are no file descriptors the loop tries again each second by itself.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
from collections.abc import Callable
from typing import Any as Untyped
from typing import Final

from statefun_actors.system.throttle import Throttle, repeats

logger: Final = logging.getLogger("statefun_actors.http")

_NO_ROOM: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Untyped]], None]


def loop_errors(throttle: Throttle | None = None) -> ExceptionHandler:
    """An exception handler for :meth:`asyncio.AbstractEventLoop.set_exception_handler`."""
    lines = throttle or Throttle()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Untyped]) -> None:
        error = context.get("exception")
        if isinstance(error, asyncio.CancelledError):
            return  # Python 3.11 complains of connections that the end of the loop cancels
        if not isinstance(error, ssl.SSLError | OSError):
            loop.default_exception_handler(context)
            return
        if (left_out := lines.due((type(error), error.errno))) is None:
            return
        if error.errno in _NO_ROOM:
            logger.error(
                "no connection can be accepted: %s; clients wait. Raise the limit (ulimit -n), or close what holds "
                "descriptors%s",
                error.strerror,
                repeats(left_out),
            )
        else:
            logger.warning("a connection failed: %s%s", error, repeats(left_out))

    return handle
