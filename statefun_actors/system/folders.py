"""Paths, and folders that are created durably."""

from __future__ import annotations

import os
from pathlib import Path


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
