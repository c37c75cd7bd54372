"""The lock of a cluster's folder: held while the cluster runs, and free after any end of it, also by SIGKILL."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from statefun_actors.cluster.errors import FolderInUseError

_NAME: Final = "lock"


def lock_folder(folder: Path) -> int:
    """Lock *folder*; return the descriptor that holds the lock until it is closed.

    Raises:
        FolderInUseError: another cluster uses the folder.
    """
    descriptor = os.open(folder / _NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    if not _locked(descriptor):
        os.close(descriptor)
        raise FolderInUseError(str(folder))
    return descriptor


def is_running(folder: Path) -> bool:
    """Whether a cluster runs in *folder*, or starts or stops."""
    try:
        descriptor = os.open(folder / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
