"""The user's cache of built folders: ``STATEFUN_ACTORS_CACHE``, else the XDG one.

The name of a folder changes with its sources. It is built under a temporary name and then renamed, so several
processes may build it at once. Unfinished folders of killed processes are removed by the next build.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

_UNDER_WAY: Final = "making-"
_LOCKED_BY: Final = 10.0
"""Seconds after which the folder of a build is certainly locked."""


def cache_folder() -> Path:
    if chosen := os.environ.get("STATEFUN_ACTORS_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "statefun-actors"


def digest(*parts: bytes) -> str:
    """The digest of *parts*, for the name of a folder."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def made(name: str, make: Callable[[Path], None]) -> Path:
    """The folder *name* of the cache; if it is missing, *make* fills it first."""
    place = cache_folder() / name
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    _sweep(place.parent)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=_UNDER_WAY) as folder, _held(Path(folder)):
        under_way = Path(folder) / "made"
        under_way.mkdir()
        make(under_way)
        with contextlib.suppress(OSError):  # another process was faster
            under_way.rename(place)
    assert place.is_dir()
    return place


@contextlib.contextmanager
def _held(folder: Path) -> Generator[bool]:
    """Lock *folder* while this process uses it; False if it is locked already."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _sweep(cache: Path) -> None:
    for folder in cache.glob(f"{_UNDER_WAY}*"):
        with contextlib.suppress(OSError):  # another process was faster
            if time.time() - folder.stat().st_mtime > _LOCKED_BY:
                with _held(folder) as left:
                    if left:
                        shutil.rmtree(folder, ignore_errors=True)
