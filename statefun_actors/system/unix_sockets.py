"""Unix domain sockets that listen: for one user alone, and never in the place of one that is served."""

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

try:
    import fcntl
except ImportError:  # Windows, where there are no such sockets either
    fcntl = None  # type: ignore[assignment]

_PATIENCE: Final = 2.0
"""Seconds to wait for another process that is about to listen in the same folder."""


def listen_at(path: Path, backlog: int = 128) -> socket.socket:
    """A socket that listens at *path*; only processes of this user (and root) can connect to it.

    A socket that nobody serves any more, left there by a process that was killed, is replaced.

    Raises:
        OSError: another process serves a socket there (``EADDRINUSE``); there is a file of another kind (``EEXIST``);
            the name is too long, or no file can be made there.
    """
    path = path.resolve()
    with _alone_in(path.parent):
        _remove_dead(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.bind(str(path))
            path.chmod(0o600)  # nobody can connect before it listens
            sock.listen(backlog)
        except BaseException:
            sock.close()
            raise
    return sock


def _remove_dead(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is a file of that name, which is no socket")
    if _is_served(path):
        raise OSError(errno.EADDRINUSE, "another process listens there")
    path.unlink(missing_ok=True)


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        try:
            sock.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it has no room for another connection, or takes none of this kind or user
            return True
    return True


@contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    """Within it no other process replaces a socket in *folder*: one that does not listen yet looks dead."""
    if fcntl is None:
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:  # another user may hold it for ever
                    break
                time.sleep(0.005)
            else:
                break
        yield
    finally:
        os.close(held)
