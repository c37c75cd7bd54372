"""What is made once and kept in the user's cache: ``STATEFUN_ACTORS_CACHE``, else the XDG one.

Everything lies under a name that changes with what it was made from. It is made beside its place and renamed into it,
so several processes may make it at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    if chosen := os.environ.get("STATEFUN_ACTORS_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "statefun-actors"


def digest(*parts: bytes) -> str:
    """A name for what is made from *parts*."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def made(name: str, make: Callable[[Path], None]) -> Path:
    """The folder *name* of the cache, with what *make* puts into the folder that it is given."""
    place = cache_folder() / name
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-") as folder:
        under_way = Path(folder) / "made"
        under_way.mkdir()
        make(under_way)
        with contextlib.suppress(OSError):  # someone else was quicker
            under_way.rename(place)
    assert place.is_dir()
    return place
