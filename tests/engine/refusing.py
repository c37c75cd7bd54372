"""Stores that always refuse rows of some tables with the word ``poison``."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path

from msgspec import Struct

from statefun_actors.store import Commit, CommitRefusedError, MemoryStore
from statefun_actors.store.sqlite import SqliteStore

POISON = "poison"
TABLES = {
    "entity": "entities",
    "message": "messages",
    "timer": "timers",
    "egress": "egress",
    "dead_letter": "dead_letters",
    "request": "requests",
}


class RefusingStore(MemoryStore):
    """Refuses commits in whose rows of *tables* there is poison."""

    def __init__(self, tables: Collection[str]) -> None:
        super().__init__()
        self.tables = tables
        self.refused = 0

    async def commit(self, commit: Commit) -> None:
        for table in self.tables:
            if any(_poisoned(row) for row in getattr(commit, TABLES[table])):
                self.refused += 1
                raise CommitRefusedError("test", f"there is poison in {table}")
        await super().commit(commit)


def _poisoned(value: object) -> bool:
    if isinstance(value, str):
        return POISON in value
    if isinstance(value, bytes):
        return POISON.encode() in value
    if isinstance(value, Struct):
        return _poisoned([getattr(value, name) for name in value.__struct_fields__])
    return isinstance(value, Iterable) and any(map(_poisoned, value))


def refusing_sqlite(path: Path, tables: Collection[str]) -> SqliteStore:
    """A SQLite store with constraints that the rows of *tables* with poison break."""
    SqliteStore(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    for table in tables:
        columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
        found = " OR ".join(f"instr(CAST(new.{name} AS BLOB), CAST('{POISON}' AS BLOB))" for name in columns)
        for what in ("INSERT", "UPDATE"):
            db.execute(
                f"CREATE TRIGGER refuse_{table}_{what} BEFORE {what} ON {table} WHEN {found} "
                f"BEGIN SELECT RAISE(ABORT, 'there is poison in {table}'); END"
            )
    db.close()
    return SqliteStore(path)
