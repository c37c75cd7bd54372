"""Puts a complete folder with partitions in the place of another one.

A folder with content can't be replaced in one step. So the new one gets the name ``bank.db.restoring`` when it is
complete; then the old one is moved away, and then the new one gets its name. After a kill between these steps, there is
nothing at the name, and the complete new folder next to it: whoever opens the store takes the last step
(:func:`statefun_actors.store.has_partitions`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree

from statefun_actors.store import ready_name
from statefun_actors.store.sqlite import lock_to_replace, name_to_keep
from statefun_actors.system import sync_folder


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep engines from running on the partitions in *folder*, if it exists.

    Raises:
        StoreInUseError: an engine runs on one of them, or a command uses it.
    """
    numbers = sorted(int(each.name) for each in folder.iterdir() if each.name.isdecimal()) if folder.exists() else []
    with ExitStack() as locks:
        for number in numbers:
            locks.enter_context(lock_to_replace(folder / str(number)))
        yield


def place_folder(folder: Path, build: Callable[[Path], None]) -> Path | None:
    """Replace *folder*, which is :func:`locked`, by the one that *build* makes at the given name, all or nothing.

    Returns:
        The folder to which the previous one was moved; None if there was none.

    Raises:
        OSError: it can't be written; *folder* is unchanged.
    """
    ready = ready_name(folder)
    rmtree(ready, ignore_errors=True)  # of a process that was killed
    build(ready)
    kept = None
    if folder.exists():
        kept = name_to_keep(folder)
        try:
            folder.rename(kept)
        except OSError:
            rmtree(ready, ignore_errors=True)
            raise
        sync_folder(folder.parent)
    finish_placing(folder)
    return kept


def finish_placing(folder: Path) -> None:
    """Take the last step: the complete folder gets the name *folder*, at which there is nothing."""
    folder = folder.resolve()
    with suppress(FileNotFoundError):  # another process has just done it
        ready_name(folder).rename(folder)
    sync_folder(folder.parent)
