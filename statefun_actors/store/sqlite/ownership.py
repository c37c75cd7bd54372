"""Which engine owns a store: said in its table ``owner``, which each commit checks in its own transaction.

The lock file keeps engines apart as long as nobody deletes it. This keeps them apart without it. Whoever opens a store
to write refuses where the owner that the table names still runs on this machine; else it writes itself into the table.
A former owner that runs all the same, on another machine say, finds another name there in its next commit, which then
writes nothing: its engine ends, and nothing that it has acknowledged is lost.

That an owner runs is seen by a socket whose name is its id, in Linux's abstract namespace: the system removes it with
the process. Elsewhere it can't be seen, and the second engine takes the store over.
"""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.store import StoreInUseError
from statefun_actors.system import keep_from_children, release

_ENDING_SECONDS: Final = 2.0
"""How long the socket of a process that was killed may outlive its lock."""


@attrs.frozen
class Owner:
    """Who owns a store, as in the row of the table ``owner``."""

    id: str
    process: int
    host: str
    since: str
    path: str
    """The file of the store, as this owner found it."""

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} since {self.since}"

    def runs_on(self, store: Path) -> bool:
        """Whether it certainly still runs, on *store* itself rather than on the file that this is a copy of."""
        with suppress(OSError):  # no such file, no such socket
            if not Path(self.path).samefile(store):
                return False
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.connect(_sign(self.id))
                return sys.platform == "linux"
        return False


class Ownership:
    """This process as the owner of the store in *file*, until :meth:`end`."""

    def __init__(self, file: Path) -> None:
        since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.owner = Owner(secrets.token_hex(8), os.getpid(), socket.gethostname(), since, stored(file))
        self._socket: socket.socket | None = None
        if sys.platform == "linux":
            with suppress(OSError):  # where sockets are forbidden
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                keep_from_children(self._socket.fileno())
                self._socket.bind(_sign(self.owner.id))

    def take(self, db: sqlite3.Connection, store: Path) -> None:
        """Become the owner of *store*, which is behind *db*.

        Raises:
            StoreInUseError: the one before still runs.
            sqlite3.Error: it can't be written.
        """
        end = time.monotonic() + _ENDING_SECONDS
        while (runs := self._taken_from(db, store)) is not None:
            if time.monotonic() >= end:
                raise StoreInUseError(str(store), f"process {runs.process} since {runs.since}")
            time.sleep(0.01)

    def _taken_from(self, db: sqlite3.Connection, store: Path) -> Owner | None:
        """The owner that still runs; None if the store is ours now."""
        db.execute("BEGIN IMMEDIATE")
        try:
            before = owner_of(db)
            if before is not None and before.id != self.owner.id and before.runs_on(store):
                return before
            db.execute("DELETE FROM owner")
            db.execute("INSERT INTO owner VALUES (?, ?, ?, ?, ?)", attrs.astuple(self.owner))
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
        return None

    def end(self) -> None:
        """The store is closed. Safe to call twice."""
        if self._socket is not None:
            release(self._socket.fileno())
            self._socket.close()
            self._socket = None


def owner_of(db: sqlite3.Connection) -> Owner | None:
    """Who took the store last, None if nobody did since it was made or copied.

    Raises:
        sqlite3.Error: it can't be read, or is older than this table.
    """
    row = db.execute("SELECT id, process, host, since, path FROM owner").fetchone()
    return None if row is None else Owner(*row)


def stored(file: Path) -> str:
    """The name of *file* as text that can be stored, whatever bytes are in it."""
    return os.fsencode(file).decode(errors="backslashreplace")


def _sign(id: str) -> str:
    return f"\0statefun-actors-store-{id}"
