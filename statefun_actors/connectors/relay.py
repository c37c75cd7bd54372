"""Standard output of another process: lines that a process sends, and its parent prints.

A process that is killed while it prints leaves a part of a line. So it sends its lines to one that outlives it, which
prints them once it has them all: 8 bytes of length, the lines, and as the response 4 bytes, an error number, or 0 once
they are printed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from pathlib import Path
from typing import Final

from statefun_actors.connectors.stdout import Output

_LENGTH: Final = 8
_ERROR: Final = 4


class RelayedOutput:
    """Prints by the :class:`OutputRelay` at *path*. See :class:`~statefun_actors.connectors.stdout.Output`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sock: socket.socket | None = None

    def write(self, lines: bytes, /) -> None:
        """See :meth:`~statefun_actors.connectors.stdout.Output.write`."""
        try:
            number = self._response_to(lines)
        except (OSError, EOFError) as error:
            self.close()
            # No BrokenPipeError, which says that the reader of the output has gone.
            raise OSError(errno.EIO, f"{self._path}, which prints the lines, can't be reached: {error}") from error
        if number:
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """Close the connection. Lines that were sent by it are printed. Safe to call twice."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _response_to(self, lines: bytes) -> int:
        if self._sock is None:
            self._sock = socket.socket(socket.AF_UNIX)
            self._sock.connect(str(self._path))
        self._sock.sendall(len(lines).to_bytes(_LENGTH, "big"))
        self._sock.sendall(lines)
        return int.from_bytes(_exactly(self._sock, _ERROR), "big")


class OutputRelay:
    """Prints to *output* what processes send to the listening socket *sock*, which it closes, in threads of its own."""

    def __init__(self, sock: socket.socket, output: Output) -> None:
        self._sock, self._output = sock, output
        sock.setblocking(True)  # a thread waits in accept()
        self._printing = threading.Lock()
        threading.Thread(target=self._accept, name="statefun-actors output", daemon=True).start()

    def close(self, within: float) -> None:
        """Print what has arrived, unless that takes longer than *within* seconds, and no more."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # close() alone would not end accept()
        self._sock.close()
        self._printing.acquire(timeout=within)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), name="statefun-actors output", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError, EOFError):  # the process has ended: what came in part is not printed
            while True:
                lines = _exactly(sock, int.from_bytes(_exactly(sock, _LENGTH), "big"))
                number = 0
                with self._printing:
                    try:
                        self._output.write(lines)
                    except OSError as error:
                        number = error.errno or errno.EIO
                sock.sendall(number.to_bytes(_ERROR, "big"))


def _exactly(sock: socket.socket, size: int) -> bytes:
    """The next *size* bytes. Raises EOFError: the other end has closed the connection before."""
    found = bytearray(size)
    view = memoryview(found)
    while view:
        count = sock.recv_into(view)
        if not count:
            raise EOFError("the connection was closed")
        view = view[count:]
    return bytes(found)
