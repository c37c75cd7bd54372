"""Listening Unix domain sockets that only their user can connect to, and that never replace one in use."""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from statefun_actors.system.accepting import ListeningSocket

try:
    import fcntl
except ImportError:  # Windows, where there are no such sockets either
    fcntl = None  # type: ignore[assignment]

_LOCK_TIMEOUT: Final = 2.0
"""Seconds to wait for another process that is creating a socket in the same folder."""


def listen_at(path: Path, backlog: int = 128) -> ListeningSocket:
    """Listen on a socket at *path*; only processes of this user (and root) can connect to it.

    A stale socket, left there by a process that was killed, is replaced.

    Raises:
        OSError: another process listens there (``EADDRINUSE``); a file of another kind is there (``EEXIST``);
            the name is too long, or no file can be created there.
    """
    path = path.resolve()
    with _locked(path.parent):
        _remove_stale(path)
        sock = ListeningSocket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.waiting = backlog
        try:
            sock.bind(str(path))
            path.chmod(0o600)  # before listen(), until which no client can connect
            sock.setblocking(False)  # the mode of all duplicates, so that none blocks a loop that accepts by another
            sock.listen()
        except BaseException:
            sock.close()
            raise
    return sock


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "a file of that name exists and is not a socket")
    if _has_listener(path):
        raise OSError(errno.EADDRINUSE, "another process listens there")
    path.unlink(missing_ok=True)


def _has_listener(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        try:
            sock.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # its backlog is full, or it is of another type or another user
            return True
    return True


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Keep other processes from replacing sockets in *folder*: one that does not listen yet looks stale."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _LOCK_TIMEOUT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:  # another user may hold the lock indefinitely
                    break
                time.sleep(0.005)
            else:
                break
        yield
    finally:
        os.close(descriptor)
