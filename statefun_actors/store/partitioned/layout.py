"""The folder of a system of several partitions: ``bank.db/partitions.json``, and the stores ``bank.db/0``, ``1``, ….

The folder gets its name when it is complete. Each store has a position that says which partition of which system it is,
so that files can't be mixed up: numbers of messages would begin again, and receivers would drop them as repeats.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec

from statefun_actors.partitions import Partition
from statefun_actors.store import LAYOUT, PARTITION, Commit, Recovered, Store, StoreError, has_partitions
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.system import make_folder, partial_name, sync_folder

_VERSION: Final = 1
_PLACED_VERSION: Final = 2
"""That of a layout in which function types are placed by former names."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``partitions.json``.

    Args:
        version: of this format.
        partitions: their number.
        system: an id that all partitions of the folder share, and no other store has.
        placed: by function type, the former name with which its entities got their partitions; see ``was=``.
    """

    version: int = _VERSION
    partitions: Annotated[int, msgspec.Meta(ge=1)]
    system: str
    placed: Mapping[str, str] = {}

    @classmethod
    def new(cls, count: int) -> Layout:
        """That of a new system of *count* partitions."""
        return cls(partitions=count, system=uuid.uuid4().hex)

    def copied(self) -> Layout:
        """That of a copy, which is a system of its own."""
        return msgspec.structs.replace(self, system=uuid.uuid4().hex)

    def part(self, own: int) -> Partition:
        """The partition *own*."""
        return Partition(own, self.partitions, self.placed)

    def mark(self, own: int) -> str:
        """The position of the store of partition *own*."""
        return msgspec.json.encode({"system": self.system, "partition": own, "of": self.partitions}).decode()


def read_layout(folder: Path) -> Layout:
    """The layout of *folder*.

    Raises:
        StoreError: it has none, or of a newer version, or a store is missing.
    """
    found = _parse(folder)
    for number in range(found.partitions):
        if not (folder / str(number)).exists():
            raise StoreError(
                str(folder),
                f"partition {number} of {found.partitions} is missing: there is no file {folder / str(number)}",
                "Restore a backup of all partitions.",
            )
    return found


def count_of(folder: Path) -> int | None:
    """The number of partitions in *folder*, some of which may be missing; None if that can't be read."""
    try:
        return _parse(folder).partitions
    except StoreError:
        return None


def _parse(folder: Path) -> Layout:
    try:
        found = msgspec.json.decode((folder / LAYOUT).read_bytes(), type=Layout)
    except (OSError, msgspec.MsgspecError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(
            str(folder), f"its {LAYOUT} can't be read: {reason}", "Restore a backup of all partitions."
        ) from None
    if found.version not in {_VERSION, _PLACED_VERSION}:
        raise StoreError(
            str(folder),
            f"its {LAYOUT} is of version {found.version}, expected at most {_PLACED_VERSION}",
            "Use a newer version.",
        )
    return found


def place(folder: Path, layout: Layout, placed: Mapping[str, str]) -> Layout:
    """The *layout* of *folder*, whose entities get their partitions by *placed* from now on. No engine runs there.

    Raises:
        OSError: it can't be written.
    """
    changed = msgspec.structs.replace(layout, version=_PLACED_VERSION, placed=placed)
    partial = folder / f"{LAYOUT}.partial"
    _write(partial, changed)
    partial.rename(folder / LAYOUT)
    sync_folder(folder)
    return changed


def _write(path: Path, layout: Layout) -> None:
    path.write_bytes(msgspec.json.encode(layout) + b"\n")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def create_partitions(folder: Path, count: int) -> Layout:
    """The layout of *folder* with *count* partitions, which is created if there is nothing.

    Raises:
        StoreError: a store of another kind, or with another number of partitions, is there; or it can't be created.
    """
    if folder.is_file():
        raise StoreError(
            str(folder),
            "it is a store without partitions",
            f"Run it without --partitions; or export it, and import it into another store with --partitions {count}.",
        )
    if not has_partitions(folder):
        if folder.exists() and any(folder.iterdir()):
            raise StoreError(str(folder), f"it is a folder without {LAYOUT}", "Choose another store with --store.")
        try:
            _create(folder, count)
        except OSError as error:
            raise StoreError(str(folder), f"it can't be created: {error.strerror}", "Choose another path.") from None
    found = read_layout(folder)
    if found.partitions != count:
        raise StoreError(
            str(folder),
            f"it has {found.partitions} partitions, not {count}",
            f"Run it with --partitions {found.partitions}; or export it, and import it with --partitions {count}.",
        )
    return found


def _create(folder: Path, count: int) -> None:
    with building(folder, count) as (layout, stores):
        asyncio.run(mark(layout, stores, {}))


async def mark(layout: Layout, stores: Sequence[Store], positions: Mapping[str, str]) -> None:
    """Write to each of *stores* which partition it is, and *positions*."""
    for number, store in enumerate(stores):
        marked = {**positions, PARTITION: layout.mark(number)}
        await store.commit(Commit(positions=marked, next_seq=store.recover().next_seq))


@contextmanager
def building(folder: Path, count: int) -> Generator[tuple[Layout, list[SqliteStore]]]:
    """A new system: its layout, and the stores of *count* partitions, each of which must be marked.

    They are in *folder* when the block ends without an error.
    """
    layout = Layout.new(count)
    with new_folder(folder, layout) as partial, ExitStack() as opened:
        files = [partial / str(number) for number in range(count)]
        yield layout, [opened.enter_context(closing(SqliteStore(file, commits="loop"))) for file in files]


@contextmanager
def new_folder(folder: Path, layout: Layout) -> Generator[Path]:
    """A folder for the stores of *layout*, which must be closed when the block ends.

    It gets the name *folder* when the block ends without an error; there may be an empty folder of that name.
    """
    make_folder(folder.parent)
    partial = partial_name(folder)
    make_folder(partial)
    try:
        yield partial
        _write(partial / LAYOUT, layout)
        sync_folder(partial)
        with suppress(FileNotFoundError):
            folder.rmdir()  # an empty one
        partial.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def open_one_of(folder: Path, number: int, *, brief: bool = False) -> SqliteStore:
    """See :func:`statefun_actors.store.open_one_of`."""
    layout = read_layout(folder)
    return open_partition(folder, layout.part(number), layout.system, brief=brief)


def open_partition(folder: Path, own: Partition, system: str, *, brief: bool = False) -> SqliteStore:
    """The store of the partition *own* of *system*, for its engine, or *brief* for a command.

    Raises:
        StoreError: it is in use, or not the store of this partition, or can't be opened.
    """
    path = folder / str(own.own)
    if not path.exists():
        raise StoreError(str(path), "the file does not exist", "Restore a backup of all partitions.")
    store = SqliteStore(path, brief=brief)
    try:
        check_mark(path, store.recover(), own, system)
    except BaseException:
        store.close()
        raise
    return store


def check_mark(path: Path, recovered: Recovered, own: Partition, system: str) -> None:
    """Raises StoreError: the store at *path*, of which *recovered* was read, is not the partition *own* of *system*."""
    expected = Layout(partitions=own.count, system=system).mark(own.own)
    found = recovered.positions.get(PARTITION)
    if found != expected:
        raise StoreError(
            str(path), f"expected {own} of this folder, got {found or 'a store without partitions'}",
            "Restore a backup of all partitions.",
        )  # fmt: skip
