"""Paths, folders that are created durably, and names for files that are not complete yet."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

_OF_PROCESS: Final = re.compile(r"\.([1-9][0-9]{0,8})\.partial(?:-journal)?")
"""What follows the name of the target in that of a partial file, or of SQLite's journal for it."""


def real_path(path: Path) -> Path:
    """*path* without symbolic links. Links in a circle are kept: whatever opens the path reports them.

    ``Path.resolve`` raises a RuntimeError for these before Python 3.13.
    """
    return Path(os.path.realpath(path))


def make_folder(path: Path) -> None:
    """Create the folder *path* and its missing parents, for their owner only and durably."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    path.mkdir(exist_ok=True)  # raises if a file has that name


def sync_folder(path: Path) -> None:
    """Make the names in the folder durable. Raises OSError: its file system does not support that."""
    if os.name == "nt":
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def partial_name(target: Path) -> Path:
    """The path of this process's partial file or folder, which is renamed to *target* once it is complete.

    Removes the partial files and folders that killed processes have left for *target*.
    """
    with suppress(OSError):
        for each in target.parent.iterdir():
            if each.name.startswith(target.name) and (of := _OF_PROCESS.fullmatch(each.name, len(target.name))):
                _remove_if_left(each, int(of[1]))
    return target.with_name(f"{target.name}.{os.getpid()}.partial")


def _remove_if_left(path: Path, pid: int) -> None:
    """Remove the file or folder *path*, unless *pid* is another process that is running."""
    if pid != os.getpid() and _runs(pid):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _runs(pid: int) -> bool:
    """Whether the process *pid* is running. On Windows, where signal 0 is Ctrl-C, always True."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True
