"""Reserved TCP ports: no other program gets one while nothing listens on it."""

from __future__ import annotations

import socket


class ReservedPort:
    """A free TCP port on the loopback. The kernel assigns it to no one else, but a listener may bind it."""

    def __init__(self) -> None:
        # Bound but not listening, both sockets with SO_REUSEADDR: the kernel lets a listener bind it, repeatedly.
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.number}"

    def release(self) -> None:
        self._socket.close()
