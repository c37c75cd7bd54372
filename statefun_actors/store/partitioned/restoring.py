"""Restores a backup of several partitions: a copy of it replaces the whole folder, which is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from statefun_actors.store import StoreError, has_partitions
from statefun_actors.store.partitioned.copying import copy_partitions
from statefun_actors.store.partitioned.layout import count_of, read_layout
from statefun_actors.store.partitioned.placing import locked, place_folder
from statefun_actors.store.partitioned.reader import PartitionsReader
from statefun_actors.system import make_folder, real_path


def restore_store(backup: Path, store: Path, *, confirm: Callable[[], None] = lambda: None) -> Path | None:
    """Replace *store* by a copy of the partitions in *backup*, all or nothing.

    After a kill, all partitions in *store* are those from before, or all are those of *backup*.

    Args:
        backup: any store with partitions, such as one written by ``PartitionsReader.backup``. It is not changed.
        store: need not exist. No engine may run on it. It may be damaged.
        confirm: called before anything is changed, after all checks. Its exceptions end the restore.

    Returns:
        The path of the previous store; None if there was none.

    Raises:
        StoreInUseError: an engine runs on a partition in *store*, or a command uses it.
        StoreError: *backup* is not sound, or does not have the partitions of *store*; or *store* can't be written. It
            is unchanged.
    """
    _check_numbers(backup, store)
    _check_sound(backup)
    try:
        make_folder(real_path(store).parent)
        with locked(store):
            _check_numbers(backup, store)  # again: another restore may have ended meanwhile
            confirm()
            return place_folder(real_path(store), lambda ready: copy_partitions(backup, ready))
    except OSError as error:
        raise StoreError(str(store), f"it can't be written: {error}", "Nothing was restored.") from error


def _check_numbers(backup: Path, store: Path) -> None:
    """Raises StoreError: *backup* can't replace *store*."""
    if not backup.exists():
        raise StoreError(str(backup), "it does not exist", "Name a folder that `statefun-actors backup` made.")
    if not has_partitions(backup):
        count = read_layout(store).partitions
        raise StoreError(
            str(store),
            f"it has {count} partitions, and the backup {backup} has none",
            f"Restore it as another store; or export it, and import it with --partitions {count}.",
        )
    count = read_layout(backup).partitions
    if not store.exists():
        return
    if backup.samefile(store):
        raise StoreError(str(backup), "it is the store itself", "Name a folder that `statefun-actors backup` made.")
    if not has_partitions(store):
        raise StoreError(
            str(store),
            f"it has no partitions, and the backup {backup} has {count}",
            "Restore it as another store; or export it, and import it.",
        )
    there = count_of(store)
    if there not in {None, count}:
        raise StoreError(
            str(store),
            f"it has {there} partitions, and the backup {backup} has {count}",
            f"Restore it as another store; or export it, and import it with --partitions {there}.",
        )


def _check_sound(backup: Path) -> None:
    with closing(PartitionsReader(backup, older=True)) as reader:
        wrong = reader.check()
    if wrong:
        raise StoreError(str(backup), f"it is damaged: {wrong[0]}", "Nothing was restored; choose another backup.")
