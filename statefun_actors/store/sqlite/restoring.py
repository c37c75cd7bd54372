"""Restores a backup: a copy of it replaces a store, and the previous store is kept."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from statefun_actors.store import StoreError
from statefun_actors.store.sqlite.files import put_in_place, store_error, with_suffix
from statefun_actors.store.sqlite.log_marks import lock_to_replace
from statefun_actors.store.sqlite.reader import SqliteReader
from statefun_actors.system import make_folder, real_path, sync_folder


def restore_store(backup: Path, store: Path, *, confirm: Callable[[], None] = lambda: None) -> Path | None:
    """Replace *store* by a copy of the store *backup*, all or nothing.

    After a kill before the replacement, the previous store is unchanged; after a kill just after it, the old log may
    still be next to the copy, which the next start refuses until the restore is repeated.

    Args:
        backup: any store, such as one written by ``SqliteReader.backup``. It is not changed.
        store: need not exist. No engine may run on it.
        confirm: called before anything is changed, after all checks. Its exceptions end the restore.

    Returns:
        The path of the previous store (or of its log, if only that existed); None if there was none.

    Raises:
        StoreInUseError: an engine runs on *store*, or a command uses it.
        StoreError: *backup* is not a sound store, or *store* can't be written; *store* is unchanged.
    """
    _refuse(backup, store)
    file = real_path(store)
    copy = with_suffix(file, ".restoring")
    try:
        make_folder(file.parent)
        with lock_to_replace(store):
            confirm()
            reader = SqliteReader(backup, older=True)
            try:
                reader.backup(copy, overwrite=True)
                kept = _keep(file)
                put_in_place(copy, file)
            finally:
                reader.close()
                for suffix in ("", ".lock"):
                    with suppress(OSError):
                        with_suffix(copy, suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(str(store), f"it can't be written: {error}", "Nothing was restored.") from error
    return kept


def _refuse(backup: Path, store: Path) -> None:
    """Raise StoreError unless *backup* is a sound store."""
    if not backup.exists():
        raise StoreError(str(backup), "the file does not exist", "Name a file that `statefun-actors backup` made.")
    if store.exists() and backup.samefile(store):
        raise StoreError(str(backup), "it is the store itself", "Name a file that `statefun-actors backup` made.")
    reader = SqliteReader(backup, older=True)
    try:
        wrong = reader.check()
    except sqlite3.Error as error:
        raise store_error(backup, error) from error
    finally:
        reader.close()
    if wrong:
        raise StoreError(str(backup), f"it is damaged: {wrong[0]}", "Nothing was restored; choose another backup.")


def _keep(file: Path) -> Path | None:
    """Give the store in *file*, and its log, a second name. The first one exists until it is replaced."""
    there = [suffix for suffix in ("", "-wal") if with_suffix(file, suffix).exists()]
    if not there:
        return None
    kept = name_to_keep(file)
    for suffix in there:
        old, new = with_suffix(file, suffix), with_suffix(kept, suffix)
        try:
            os.link(old, new)
        except OSError:  # a file system without hard links
            old.rename(new)
    sync_folder(file.parent)
    return with_suffix(kept, there[0])


def name_to_keep(file: Path) -> Path:
    """A free name for the store in *file*, which is about to be replaced."""
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    kept = file.with_name(f"{file.stem}.before-restore-{now}{file.suffix}")
    number = 1
    while any(with_suffix(kept, suffix).exists() for suffix in ("", "-wal")):
        number += 1
        kept = file.with_name(f"{file.stem}.before-restore-{now}-{number}{file.suffix}")
    return kept
