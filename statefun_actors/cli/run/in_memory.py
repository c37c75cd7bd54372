"""``run --partitions --memory``: the folder of the partitions, in memory where the system has a file system for that.

The processes share it like any other, so one that dies is started again with its state, and commands and the console
see all of them. It is removed when the run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file system in memory
_PREFIX: Final = "statefun-actors-memory-"


@contextlib.contextmanager
def folder_in_memory() -> Generator[Path]:
    """The path of a new store, in a folder that only this user can access; it is removed at the end.

    Folders of runs that were killed are removed, too.

    Raises:
        OSError: it can't be created.
    """
    place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    for left in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(left):  # it is in use, or of another user
            shutil.rmtree(left, ignore_errors=True)
    with contextlib.ExitStack() as locked:
        folder = _new(place, locked)
        try:
            yield folder / "state"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _new(place: Path, locked: contextlib.ExitStack) -> Path:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with contextlib.suppress(OSError):  # another run took it for one that was left, before it was locked
            locked.enter_context(_locked(folder))
            if folder.exists():
                return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Generator[None]:
    """While a run uses *folder*. Raises OSError: another one does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def remove_at_the_end_of_the_supervisor(store: Path) -> None:
    """Remove the folder of :func:`folder_in_memory` with *store*: the process that would have done it was killed.

    Other partitions may still be about to end: their files stay open until then.
    """
    shutil.rmtree(store.parent, ignore_errors=True)
