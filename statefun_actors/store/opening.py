"""Stores by URL: ``memory://``, ``sqlite:///FILE``, or the path of a file, which is a SQLite store.

The path may also be a folder with the stores of several partitions, which are read as one.

A kind of store is a scheme in ``_MODULES`` and a package that has the functions of :class:`StoreModule`. The package is
imported by name with its first use: a program without a file loads no database.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import ClassVar, Final, Protocol, cast

from statefun_actors.store.contract import PARTITION, Store, StoreReader
from statefun_actors.store.errors import StoreError
from statefun_actors.store.memory import MemoryStore
from statefun_actors.store.rows import Commit

MEMORY: Final = "memory://"
"""The URL of a store in memory, which ends with its process."""
_MODULES: Final = {"sqlite": "statefun_actors.store.sqlite"}
_DEFAULT: Final = "sqlite"
PARTITIONED: Final = "statefun_actors.store.partitioned"
"""The package that implements a store with several partitions, which is imported by name."""
LAYOUT: Final = "partitions.json"
"""The file of a folder with several partitions that describes them."""
_URL: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)", re.DOTALL)


class StoreUrlError(StoreError):
    """No store can be opened by this URL. No retry helps."""

    retryable: ClassVar[bool] = False


class ReadOnlyStore(StoreReader, Protocol):
    """A store that is only read, while an engine runs on it or not."""

    @property
    def is_older(self) -> bool:
        """Whether an earlier version of this package wrote it: it can be counted, checked and copied, not read."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Within it, all reads see the same commit."""
        ...

    def check(self) -> list[str]:
        """Check all of the store; return its faults, each in one line. Empty: it is sound."""
        ...

    def backup(self, target: Path, *, overwrite: bool = False) -> None:
        """Copy the store as of one commit (several partitions: of one moment) to *target*, all or nothing.

        Raises:
            StoreError: *target* exists and *overwrite* isn't set, a store is in use there, or it can't be written; or
                the store itself can't be read, or is damaged: *target* is unchanged then.
        """
        ...


class StoreModule(Protocol):
    """The functions of a package that implements stores on disk. *file*: the part of the URL behind its scheme."""

    def open_store(self, file: Path, *, brief: bool = False) -> Store:
        """As the function of this module."""
        ...

    def open_reader(self, file: Path, *, older: bool = False) -> ReadOnlyStore:
        """As the function of this module."""
        ...

    def replace_store(self, store: Path, confirm: Callable[[ReadOnlyStore], None]) -> AbstractContextManager[Store]:
        """As the function of this module."""
        ...

    def restore_store(self, backup: Path, store: Path, *, confirm: Callable[[], None]) -> Path | None:
        """As the function of this module."""
        ...

    def contact_of(self, store: Path) -> str | None:
        """As the function of this module."""
        ...


def open_store(url: Path | str, *, brief: bool = False) -> Store:
    """Open the store at *url* for one engine. A file, and the folders above it, are created if they are missing.

    Args:
        url: ``memory://``, ``sqlite:///FILE``, or the path of a file.
        brief: it is closed again at once, so an engine that starts meanwhile waits for it instead of failing.

    Raises:
        StoreInUseError: another engine or command uses it. A retry can help after that has ended.
        StoreError: *url* has an unknown scheme; or the store is not ours, of a newer version, one of several
            partitions, or can't be opened.
    """
    if url == MEMORY:
        return MemoryStore()
    module, file = _module_of(url)
    store = module.open_store(file, brief=brief)
    try:
        _check_alone(store, url)
    except BaseException:
        store.close()
        raise
    return store


def open_reader(url: Path | str, *, older: bool = False) -> ReadOnlyStore:
    """Open the store at *url* to read it, while an engine runs on it or not. It takes no lock.

    Args:
        url: ``sqlite:///FILE``, or the path of a file.
        older: accept a store of an earlier version: it can be counted, checked and copied, but not read otherwise.

    Raises:
        StoreError: there is no such store, it is of a version that can't be read, or it is in memory.
    """
    module, file = _module_of(url)
    return module.open_reader(file, older=older)


def replace_store(url: Path | str, confirm: Callable[[ReadOnlyStore], None]) -> AbstractContextManager[Store]:
    """An empty store, which replaces the store at *url* when the block ends without an error.

    Args:
        url: ``sqlite:///FILE``, or the path of a file. There may be no store yet.
        confirm: called with the store that will be replaced, if there is one, while no engine can start on it. What it
            raises ends this; the store is unchanged.

    Raises:
        StoreInUseError: on entering; another engine or command uses the store.
        StoreError: on entering; what is at *url* is not a store of ours.
        OSError: it can't be written; the store is unchanged.
    """
    module, file = _module_of(url)
    return module.replace_store(file, confirm)


def restore_store(backup: Path, url: Path | str, *, confirm: Callable[[], None] = lambda: None) -> Path | None:
    """Replace the store at *url* by a copy of *backup*, all or nothing.

    Args:
        backup: what :meth:`ReadOnlyStore.backup` wrote, or any store of that kind. It is not changed.
        url: ``sqlite:///FILE``, or the path of a file, or of a folder with as many partitions as *backup*. There may
            be no store yet.
        confirm: called before anything is changed, after all checks. What it raises ends this.

    Returns:
        The file, or the folder, to which the previous store was moved; None if there was none.

    Raises:
        StoreInUseError: another engine or command uses the store.
        StoreError: *backup* is not a sound store, or the store can't be written; the store is unchanged.
    """
    module, file = _module_of(url)
    if has_partitions(backup):
        module = import_module(PARTITIONED)
    return module.restore_store(backup, file, confirm=confirm)


def contact_of(url: Path | str) -> str | None:
    """What the last engine on the store at *url* announced (:meth:`Store.announce`), unless it was shutting down."""
    module, file = _module_of(url)
    return module.contact_of(file)


def file_of(url: Path | str) -> Path:
    """The file, or the folder, of the store at *url*.

    Raises:
        StoreUrlError: *url* has an unknown scheme, or is of a store in memory.
    """
    return _scheme_and_file(url)[1]


def _module_of(url: Path | str) -> tuple[StoreModule, Path]:
    """The package that implements the store at *url*, and the file."""
    scheme, file = _scheme_and_file(url)
    return cast("StoreModule", import_module(PARTITIONED if has_partitions(file) else _MODULES[scheme])), file


def _scheme_and_file(url: Path | str) -> tuple[str, Path]:
    found = _URL.fullmatch(url) if isinstance(url, str) else None
    scheme = _DEFAULT if found is None else found[1].lower()
    if url == MEMORY:
        raise StoreUrlError(MEMORY, "a store in memory can be used by its own process only", "Name a file.")
    if scheme == "memory":
        raise StoreUrlError(str(url), f"expected {MEMORY}, which has no name")
    if scheme not in _MODULES:
        known = ", ".join(sorted(["memory", *_MODULES]))
        raise StoreUrlError(str(url), f"unknown scheme {scheme!r}; expected one of: {known}")
    if found is not None and not found[2].startswith("/"):
        raise StoreUrlError(str(url), f"expected {scheme}:///FILE, or {scheme}:////FILE for an absolute path")
    return scheme, Path(url if found is None else found[2].removeprefix("/"))


@contextmanager
def open_stopped(url: Path | str, *, with_inputs: bool = True) -> Generator[ReadOnlyStore]:
    """The store at *url* for an export. One with several partitions can't be started meanwhile.

    Args:
        url: as for :func:`open_reader`.
        with_inputs: whether positions in inputs are wanted, which several partitions don't have as one.

    Raises:
        StoreInUseError: an engine or another command uses one of several partitions.
        StoreError: as by :func:`open_reader`; or something is on the way between two partitions.
    """
    module, file = _module_of(url)
    if has_partitions(file):
        with import_module(PARTITIONED).stopped(file, with_inputs=with_inputs) as whole:
            yield whole
        return
    reader = module.open_reader(file)
    try:
        with reader.snapshot():
            yield reader
    finally:
        reader.close()


class SplitStore(Protocol):
    """A new store with several partitions, to which the commits of one store are written."""

    async def commit(self, commit: Commit) -> None:
        """Write each row to the partition of its address. Raises ValueError: a position that these can't use."""
        ...

    async def end(self) -> None:
        """Make the partitions one system, after the last commit."""
        ...

    def counts(self, without: Collection[str] = ()) -> Mapping[str, int]:
        """As :meth:`Store.counts`, of all partitions."""
        ...


def new_partitions(path: Path, count: int) -> AbstractContextManager[SplitStore]:
    """A new store of *count* partitions, which is in the folder *path* when the block ends without an error.

    Raises:
        StoreError: on entering; something is at *path*.
        OSError: it can't be written.
    """
    made: AbstractContextManager[SplitStore] = import_module(PARTITIONED).new_partitions(path, count)
    return made


def has_partitions(path: Path) -> bool:
    """Whether *path* is the folder of a store with several partitions.

    If a restore was killed before its last step, the complete store has another name: then it gets its name here.
    """
    if (path / LAYOUT).exists():
        return True
    if path.exists() or not (ready_name(path) / LAYOUT).exists():
        return False
    import_module(PARTITIONED).finish_placing(path)
    return (path / LAYOUT).exists()


def ready_name(folder: Path) -> Path:
    """The name of a complete store with several partitions that is about to replace *folder*."""
    return Path(f"{os.path.realpath(folder)}.restoring")


def count_partitions(path: Path) -> int:
    """The number of partitions of the store in the folder *path*.

    Raises:
        StoreError: it can't be read, or one is missing.
    """
    count: int = import_module(PARTITIONED).read_layout(path).partitions
    return count


def open_one_of(path: Path, number: int, *, brief: bool = False) -> Store:
    """Open partition *number* of the store in the folder *path*, as :func:`open_store` opens a store.

    Raises:
        StoreInUseError: an engine or another command uses it. A retry can help after that has ended.
        StoreError: it can't be opened, or is another partition, or of another system.
    """
    store: Store = import_module(PARTITIONED).open_one_of(path, number, brief=brief)
    return store


def _check_alone(store: Store, url: Path | str) -> None:
    """Raises StoreError: *store* is one partition of several."""
    if PARTITION in store.recover().positions:
        raise StoreError(
            str(url), "it is one partition of a store with several", "Name the folder that has all of them instead."
        )
