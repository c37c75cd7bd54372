"""Finds the files that a command or a runtime would write, although something else of it uses them.

Two paths are one file if they lead to the same place, or if both exist and are links to one file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

_NEXT_TO_STORE: Final = ("", "-wal", "-shm", "-journal", ".lock")
"""Suffixes of the files of a store in one file: its own, those of SQLite, and the lock."""

_DATABASE: Final = b"SQLite format 3\0"
"""The first bytes of an SQLite database."""


@attrs.frozen
class FileUse:
    """A file that is read or written, and its *user*, such as ``--input``, for an error.

    ``is_store``: what is written is a store, which may replace another one.
    """

    path: Path
    user: str
    is_store: bool = False


def wrong_uses(written: Sequence[FileUse], read: Sequence[FileUse] = (), store: Path | None = None) -> Iterator[str]:
    """The uses among *written* whose file something else uses too, each as the text of an error without a period.

    Args:
        written: files that will be written.
        read: files that are read.
        store: a file, or the folder of a store with several partitions. It need not exist. None: there is none.
    """
    for number, use in enumerate(written):
        if store is not None and _belongs_to(use.path, store):
            yield _text(use, f"which belongs to the store {store}")
            continue
        if not use.is_store and _is_database(use.path):
            yield _text(use, "which is an SQLite database, such as a store")
            continue
        for other in (*read, *written[:number]):
            if _is_one_file(use.path, other.path):
                yield _text(use, f"which {other.user} uses")
                break


def _text(use: FileUse, why: str) -> str:
    return f"{use.user}: expected a file that nothing else uses, got {use.path}, {why}; name another file"


def _belongs_to(path: Path, store: Path) -> bool:
    whole = Path(os.path.realpath(store))
    if Path(os.path.realpath(path)).is_relative_to(whole):
        return True
    if store.is_dir():
        return any(_is_one_file(path, file) for file in whole.rglob("*") if file.is_file())
    return any(_is_one_file(path, whole.with_name(f"{whole.name}{suffix}")) for suffix in _NEXT_TO_STORE)


def _is_database(path: Path) -> bool:
    if not path.is_file():  # a pipe is not read
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:  # writing it reports that
        return False


def _is_one_file(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return False
