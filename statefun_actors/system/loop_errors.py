"""Exception handler of the event loop: logs failed handshakes, broken connections and a lack of descriptors.

Clients and the machine cause these errors, by the thousand, so each kind is logged once a minute without a traceback.
While no file descriptors are free, the loop retries each second by itself.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Callable
from typing import Any as Untyped
from typing import Final

from statefun_actors.own_logger import own_logger
from statefun_actors.system.throttle import Throttle, repeats

logger: Final = own_logger("statefun_actors.http")

_NO_ROOM: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Untyped]], None]


def loop_errors(throttle: Throttle | None = None) -> ExceptionHandler:
    """An exception handler for :meth:`asyncio.AbstractEventLoop.set_exception_handler`."""
    lines = throttle or Throttle()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Untyped]) -> None:
        error = context.get("exception")
        if isinstance(error, asyncio.CancelledError):
            return  # Python 3.11 reports connections that are cancelled when the loop ends
        if isinstance(error, ValueError) and "_start_serving" in str(context.get("message")):
            return  # the retry of a socket that has been closed meanwhile
        if not isinstance(error, ssl.SSLError | OSError):
            loop.default_exception_handler(context)
            return
        if (left_out := lines.due((type(error), error.errno))) is None:
            return
        if error.errno in _NO_ROOM:
            logger.error(
                "cannot accept connections: %s; clients wait. Raise the limit (ulimit -n), or close other files and "
                "connections%s",
                error.strerror,
                repeats(left_out),
            )
        else:
            logger.warning("a connection failed: %s%s", error, repeats(left_out))

    return handle
