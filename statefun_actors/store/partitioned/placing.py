"""Puts a complete folder with partitions in the place of another one.

A folder with content can't be replaced in one step. So the new one gets the name ``bank.db.restoring`` when it is
complete, and notes the name that the old one will get; then the old one is moved away, and then the new one gets its
name. After a kill between these steps, there is nothing at the name, and the complete new folder next to it: whoever
opens the store takes the last step (:func:`statefun_actors.store.has_partitions`). A new folder whose old one was not
moved away is of no use: it is ignored, until the next one is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import Final

from statefun_actors.own_logger import own_logger
from statefun_actors.store import StoreError, ready_name
from statefun_actors.store.partitioned.layout import read_layout
from statefun_actors.store.sqlite import Lock, lock_to_replace, name_to_keep
from statefun_actors.system import real_path, sync_folder

logger: Final = own_logger("statefun_actors.engine")
_REPLACES: Final = "replaces"
"""The file in a new folder that has the name to which the old one is moved."""


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep others from replacing *folder*, and engines from running on the partitions in it, if it exists.

    Raises:
        StoreInUseError: another process replaces it, an engine runs on one of them, or a command uses it.
    """
    with ExitStack() as locks:
        locks.enter_context(Lock(folder))
        files = sorted(folder.iterdir()) if folder.exists() else []
        for number in sorted(int(each.name) for each in files if each.name.isdecimal()):
            locks.enter_context(lock_to_replace(folder / str(number)))
        yield


def place_folder(folder: Path, build: Callable[[Path], None]) -> Path | None:
    """Replace *folder*, which is :func:`locked`, by the one that *build* makes at the given name, all or nothing.

    Returns:
        The folder to which the previous one was moved; None if there was none.

    Raises:
        StoreError: another process has put a store there meanwhile.
        OSError: it can't be written; *folder* is unchanged.
    """
    ready = ready_name(folder)
    rmtree(ready, ignore_errors=True)  # of a process that was killed
    kept = name_to_keep(folder) if folder.exists() else None
    try:
        build(ready)
        made = read_layout(ready).system
        if kept is not None:
            _note(ready, kept)
            folder.rename(kept)
            sync_folder(folder.parent)
        _take_name(folder)
    except BaseException:
        rmtree(ready, ignore_errors=True)
        if kept is not None:
            with suppress(OSError):  # it is still there
                kept.rename(folder)
        raise
    if read_layout(folder).system != made:
        raise StoreError(str(folder), "another process has put a store there meanwhile", "Nothing was restored.")
    return kept


def finish_placing(folder: Path) -> None:
    """Take the last step of a process that was killed, if the one before was taken. There is nothing at *folder*."""
    folder = real_path(folder)
    try:
        name = (ready_name(folder) / _REPLACES).read_text()
    except OSError:
        return
    kept = folder.with_name(name)
    if not kept.exists():
        return
    logger.warning(
        "store %s: a restore was killed before its last step, which is taken now; %s was there", folder, kept
    )
    _take_name(folder)


def _note(ready: Path, kept: Path) -> None:
    """Note that the folder *ready* is to replace the one that will be moved to *kept*."""
    with (ready / _REPLACES).open("w") as file:
        file.write(kept.name)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(ready)


def _take_name(folder: Path) -> None:
    """Give the complete folder the name *folder*, at which there is nothing."""
    with suppress(FileNotFoundError):  # another process has just done it
        ready_name(folder).rename(folder)
    (folder / _REPLACES).unlink(missing_ok=True)
    sync_folder(folder.parent)
