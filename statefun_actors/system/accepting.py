"""A listening socket of which an event loop accepts one connection at once, while many wait in the kernel.

While no file descriptors are free, asyncio (``_accept_connection``, Python 3.11) fails as often in a row as its backlog
says, and each failure adds a retry one second later, which fails as often: retries would multiply. With one connection
at once there is one retry.
"""

from __future__ import annotations

import socket
from typing import Final

ACCEPTED_AT_ONCE: Final = 1
"""The backlog for asyncio."""
BACKLOG: Final = 1024
"""Connections that an HTTP server leaves waiting in the kernel."""


class ListeningSocket(socket.socket):
    """A socket whose queue in the kernel holds *waiting* connections. asyncio calls ``listen`` with its own backlog."""

    waiting = BACKLOG

    def listen(self, backlog: int = BACKLOG, /) -> None:  # noqa: ARG002 - asyncio's
        super().listen(self.waiting)
