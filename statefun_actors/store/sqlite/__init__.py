"""The store in one SQLite file."""

from statefun_actors.store.sqlite.files import (
    make_folder,
    put_in_place,
)
from statefun_actors.store.sqlite.lock import (
    doors_of,
)
from statefun_actors.store.sqlite.log_marks import (
    check_together,
    lock_to_replace,
)
from statefun_actors.store.sqlite.reader import (
    SqliteReader,
)
from statefun_actors.store.sqlite.restoring import (
    restore_store,
)
from statefun_actors.store.sqlite.store import (
    SqliteStore,
)

__all__ = [
    "SqliteReader",
    "SqliteStore",
    "check_together",
    "doors_of",
    "lock_to_replace",
    "make_folder",
    "put_in_place",
    "restore_store",
]
