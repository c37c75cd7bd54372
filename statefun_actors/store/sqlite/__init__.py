"""The store in one SQLite file. :mod:`statefun_actors.store` opens it by URL, with the functions that are here."""

from pathlib import Path

from statefun_actors.store.sqlite.lock import (
    Lock,
    contact_of,
)
from statefun_actors.store.sqlite.log_marks import (
    lock_to_replace,
)
from statefun_actors.store.sqlite.reader import (
    SqliteReader,
)
from statefun_actors.store.sqlite.replacing import (
    replace_store,
)
from statefun_actors.store.sqlite.restoring import (
    name_to_keep,
    restore_store,
)
from statefun_actors.store.sqlite.standstill import (
    standstill,
)
from statefun_actors.store.sqlite.store import (
    SqliteStore,
)

__all__ = [
    "Lock",
    "SqliteReader",
    "SqliteStore",
    "contact_of",
    "lock_to_replace",
    "name_to_keep",
    "open_reader",
    "open_store",
    "replace_store",
    "restore_store",
    "standstill",
]


def open_store(file: Path, *, brief: bool = False) -> SqliteStore:
    """See :func:`statefun_actors.store.open_store`."""
    return SqliteStore(file, brief=brief)


def open_reader(file: Path, *, older: bool = False) -> SqliteReader:
    """See :func:`statefun_actors.store.open_reader`."""
    return SqliteReader(file, older=older)
