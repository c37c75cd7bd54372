"""The engine that owns a store: a row in its table ``owner``, which each commit checks in its own transaction.

The lock file keeps engines apart unless it is deleted; this table keeps them apart without it. Opening a store to write
fails while the owner in the table runs on this machine; otherwise the new process writes itself to the table. A former
owner that still runs, for example on another machine, finds another name there in its next commit, which then writes
nothing: its engine ends, and nothing that it has acknowledged is lost.

A running owner is detected by a socket named by its id, in Linux's abstract namespace, which the system removes with
the process. On other systems it can't be detected, and the second engine takes the store over.
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
"""Seconds for which the socket of a killed process may outlive its lock."""


@attrs.frozen
class Owner:
    """The owner of a store: the row of the table ``owner``."""

    id: str
    process: int
    host: str
    since: str
    path: str
    """The file of the store, as the owner opened it."""

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} since {self.since}"

    def runs_on(self, store: Path) -> bool:
        """Whether it certainly still runs on *store* itself, and not on the file of which this is a copy."""
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
            with suppress(OSError):  # sockets may be forbidden
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                keep_from_children(self._socket.fileno())
                self._socket.bind(_sign(self.owner.id))

    def take(self, db: sqlite3.Connection, store: Path) -> None:
        """Become the owner of *store*, opened as *db*.

        Raises:
            StoreInUseError: the previous owner still runs.
            sqlite3.Error: it can't be written.
        """
        end = time.monotonic() + _ENDING_SECONDS
        while (runs := self._taken_from(db, store)) is not None:
            if time.monotonic() >= end:
                raise StoreInUseError(str(store), f"process {runs.process} since {runs.since}")
            time.sleep(0.01)

    def _taken_from(self, db: sqlite3.Connection, store: Path) -> Owner | None:
        """Take the store, or return the owner that still runs."""
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
    """The last owner of the store; None if it has had none since it was created or copied.

    Raises:
        sqlite3.Error: it can't be read, or is older than this table.
    """
    row = db.execute("SELECT id, process, host, since, path FROM owner").fetchone()
    return None if row is None else Owner(*row)


def stored(file: Path) -> str:
    """The name of *file* as text that can be stored, whatever bytes it has."""
    return os.fsencode(file).decode(errors="backslashreplace")


def _sign(id: str) -> str:
    return f"\0statefun-actors-store-{id}"
