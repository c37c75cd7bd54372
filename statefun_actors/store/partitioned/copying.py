"""Copies all partitions of a system as of one moment, while their engines run.

At that moment, no partition commits anything: so the copies are what a power failure would have left. What is on the
way between two partitions is in the sender then, and the receiver's position says whether it has it already.

A copy is a system of its own, with another id. So a file of it can't be mixed up with one of the original, or of
another copy.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from shutil import rmtree

from statefun_actors.store import PARTITION, StoreError
from statefun_actors.store.partitioned.layout import check_mark, new_folder, read_layout
from statefun_actors.store.partitioned.placing import locked, place_folder
from statefun_actors.store.sqlite import SqliteReader, standstill
from statefun_actors.system import real_path


@contextmanager
def reading(folder: Path, *, older: bool = False) -> Generator[list[SqliteReader]]:
    """The readers of all partitions in *folder*.

    Raises:
        StoreError: *folder* is not a store with partitions, or one of them can't be read or is not that of its name.
    """
    layout = read_layout(folder)
    with ExitStack() as opened:
        readers: list[SqliteReader] = []
        for number in range(layout.partitions):
            readers.append(opened.enter_context(closing(SqliteReader(folder / str(number), older=older))))
            if not readers[-1].is_older:
                own = layout.part(number)
                check_mark(folder / str(number), readers[-1].recover(), own, layout.system)
        yield readers


def copy_partitions(source: Path, folder: Path) -> None:
    """Copy the partitions in *source* to the new *folder*, all or nothing.

    Raises:
        StoreError: one of them can't be read, or is damaged.
        OSError: *folder* can't be written.
    """
    with reading(source, older=True) as readers:
        layout = read_layout(source).copied()
        with new_folder(folder, layout) as partial, ExitStack() as snapshots:
            with standstill([source / str(number) for number in range(len(readers))]):
                for reader in readers:
                    snapshots.enter_context(reader.snapshot())
            for number, reader in enumerate(readers):
                reader.copy(partial / str(number), {PARTITION: layout.mark(number)})


def backup_partitions(source: Path, target: Path, *, overwrite: bool) -> None:
    """See :meth:`statefun_actors.store.ReadOnlyStore.backup`."""
    there = real_path(target)
    try:
        if not there.exists() or _is_empty(there):
            copy_partitions(source, there)
            return
        _check_replaceable(source, target, overwrite=overwrite)
        with locked(target):
            kept = place_folder(there, lambda ready: copy_partitions(source, ready))
        if kept is not None:
            rmtree(kept)
    except OSError as error:
        raise StoreError(str(target), f"the backup can't be written: {error}") from error


def _check_replaceable(source: Path, target: Path, *, overwrite: bool) -> None:
    """Raises StoreError: what is at *target* may not be replaced by a backup."""
    allow = "" if overwrite else ", or allow to overwrite it: --overwrite, overwrite=True"
    if not overwrite or target.samefile(source):
        raise StoreError(str(target), "it exists already", f"Choose another target for the backup{allow}.")
    try:
        read_layout(target)
    except StoreError as error:
        raise StoreError(
            str(target),
            f"it exists already, and is no backup of partitions: {error.reason}",
            "Choose another target for the backup.",
        ) from None


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
