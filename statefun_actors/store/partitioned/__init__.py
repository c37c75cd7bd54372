"""The store of a system of several partitions: a folder with one SQLite store for each, and ``partitions.json``.

:mod:`statefun_actors.store` opens it by URL, with the functions that are here. Each partition is written by an engine
of its own (:func:`open_partition`); readers see all of them as one store.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from statefun_actors.store import ReadOnlyStore, Store, StoreError
from statefun_actors.store.partitioned.layout import (
    Layout,
    create_partitions,
    open_one_of,
    open_partition,
    read_layout,
)
from statefun_actors.store.partitioned.moving import (
    PartitionsWriter,
    new_partitions,
    stopped,
    stopped_stores,
)
from statefun_actors.store.partitioned.placing import (
    finish_placing,
)
from statefun_actors.store.partitioned.reader import (
    PartitionsReader,
)
from statefun_actors.store.partitioned.renaming import (
    place_renamed,
)
from statefun_actors.store.partitioned.restoring import (
    restore_store,
)

__all__ = [
    "Layout",
    "PartitionsReader",
    "PartitionsWriter",
    "contact_of",
    "create_partitions",
    "finish_placing",
    "new_partitions",
    "open_one_of",
    "open_partition",
    "open_reader",
    "open_store",
    "place_renamed",
    "read_layout",
    "replace_store",
    "restore_store",
    "stopped",
    "stopped_stores",
]


def open_store(file: Path, *, brief: bool = False) -> Store:  # noqa: ARG001 - the interface of all stores
    """Refuses: each partition has an engine of its own.

    Raises:
        StoreError: always.
    """
    count = read_layout(file).partitions
    raise StoreError(str(file), f"it has {count} partitions", f"Run it with --partitions {count}.")


def open_reader(file: Path, *, older: bool = False) -> ReadOnlyStore:
    """See :func:`statefun_actors.store.open_reader`."""
    return PartitionsReader(file, older=older)


def replace_store(store: Path, confirm: Callable[[ReadOnlyStore], None]) -> AbstractContextManager[Store]:  # noqa: ARG001 - the interface of all stores
    """Refuses: an import creates a new store of several partitions.

    Raises:
        StoreError: always.
    """
    raise StoreError(
        str(store),
        f"it has {read_layout(store).partitions} partitions, which an import does not replace",
        "Name another store.",
    )


def contact_of(store: Path) -> str | None:  # noqa: ARG001 - the interface of all stores
    """None: each partition has a contact of its own."""
    return None
