"""Replaces a store by a new one: it is built in a file next to the old one, and renamed when it is complete."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from statefun_actors.store.sqlite.files import put_in_place, with_suffix
from statefun_actors.store.sqlite.log_marks import check_together, lock_to_replace
from statefun_actors.store.sqlite.reader import SqliteReader
from statefun_actors.store.sqlite.store import SqliteStore
from statefun_actors.system import make_folder, real_path


@contextmanager
def replace_store(store: Path, confirm: Callable[[SqliteReader], None]) -> Generator[SqliteStore]:
    """See :func:`statefun_actors.store.replace_store`."""
    file = real_path(store)
    make_folder(file.parent)
    with lock_to_replace(store):
        check_together(store)  # a log without its file is data, too
        if store.exists() and store.stat().st_size:
            _confirm(store, confirm)
        with _beside(file) as partial:
            new = SqliteStore(partial, commits="loop")
            try:
                yield new
            finally:
                new.close()
            put_in_place(partial, file)


def _confirm(store: Path, confirm: Callable[[SqliteReader], None]) -> None:
    there = SqliteReader(store, older=True)  # refuses a file that is not a store of ours
    try:
        confirm(there)
    finally:
        there.close()


@contextmanager
def _beside(file: Path) -> Generator[Path]:
    """A file next to *file* to build in. If it still exists at the end, it is deleted."""
    partial = with_suffix(file, ".importing")  # of a process that was killed, too: the lock is ours
    files = [with_suffix(partial, suffix) for suffix in ("", "-wal", "-shm", ".lock")]
    try:
        for each in files:
            each.unlink(missing_ok=True)
        yield partial
    finally:
        for each in files:
            with suppress(OSError):
                each.unlink(missing_ok=True)
