"""The store on disk: one SQLite file, one transaction per commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from statefun_actors.embedded.sqlite import reader, schema
from statefun_actors.embedded.sqlite.lock import Lock
from statefun_actors.embedded.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    Recovered,
    StoreError,
    Timer,
    unstorable_text,
)
from statefun_actors.model import Address


class SqliteStore:
    """The store in the file *path*; folders that are missing on the way to it are made.

    Raises:
        StoreError: no store can be opened there: it is in use, no store of ours, newer than we are, or out of reach.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.path)
        except OSError as error:
            raise StoreError(str(path), str(error)) from error
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
            version = schema.check(self._db, str(path), len(schema.STEPS))
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA cache_size = -16000")
            self._db.execute("PRAGMA wal_autocheckpoint = 4000")
            self._db.execute("PRAGMA journal_size_limit = 67108864")
            schema.migrate(self._db, version, schema.STEPS)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, sqlite3.Error):
                raise StoreError(str(path), str(error)) from error
            raise

    def recover(self) -> Recovered:
        return reader.recover(self._db)

    async def commit(self, commit: Commit) -> None:
        try:
            self._write(commit)
        except (sqlite3.Error, OverflowError) as error:
            raise StoreError(str(self.path), str(error)) from error
        except UnicodeEncodeError as error:
            raise unstorable_text(str(self.path), error.object) from None

    def _write(self, commit: Commit) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            gone = [row.address for row in commit.entities if row.packed is None]
            kept = [(*row.address, row.packed, row.expires_ms) for row in commit.entities if row.packed is not None]
            if gone:
                db.executemany("DELETE FROM entity WHERE type = ? AND id = ?", gone)
            if kept:
                db.executemany("INSERT OR REPLACE INTO entity VALUES (?, ?, ?, ?)", kept)
            for table, done in (
                ("message", commit.messages_done),
                ("timer", commit.timers_done),
                ("egress", commit.egress_done),
                ("dead_letter", commit.dead_letters_done),
            ):
                if done:
                    db.executemany(f"DELETE FROM {table} WHERE seq = ?", [(seq,) for seq in done])
            none = (None, None)
            if commit.messages:
                db.executemany(
                    "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [(m.seq, *m.target, *(m.caller or none), m.value.typename, m.value.value) for m in commit.messages],
                )
            if commit.timers:
                db.executemany(
                    "INSERT OR REPLACE INTO timer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (t.seq, t.due_ms, *t.target, *(t.caller or none), t.token, t.value.typename, t.value.value)
                        for t in commit.timers
                    ],
                )
            if commit.egress:
                db.executemany(
                    "INSERT OR REPLACE INTO egress VALUES (?, ?, ?, ?)",
                    [(e.seq, e.egress, e.value.typename, e.value.value) for e in commit.egress],
                )
            if commit.dead_letters:
                rows = [(d, d.message) for d in commit.dead_letters]
                db.executemany(
                    "INSERT OR REPLACE INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (
                            *(d.seq, m.seq, *m.target, *(m.caller or none), m.value.typename, m.value.value),
                            *(d.error_type, d.error, d.attempts, d.time_ms),
                        )
                        for d, m in rows
                    ],
                )
            if commit.positions:
                db.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)", commit.positions.items())
            db.execute("UPDATE counter SET next_seq = max(next_seq, ?)", (commit.next_seq,))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        return reader.load(self._db, addresses)

    def timers_after(self, due_ms: int, seq: int, limit: int) -> list[Timer]:
        return reader.timers_after(self._db, due_ms, seq, limit)

    def pending_timer(self, owner: Address, token: str) -> Timer | None:
        return reader.pending_timer(self._db, owner, token)

    def egress_after(self, seq: int, limit: int, names: Iterable[str] | None = None) -> list[EgressRecord]:
        return reader.egress_after(self._db, seq, limit, names)

    def dead_letters(self) -> Iterator[DeadLetterEntry]:
        return reader.dead_letters(self._page)

    def entities(self, typename: str, prefix: str = "") -> Iterator[EntityRow]:
        return reader.entities(self._page, typename, prefix)

    def counts(self) -> Mapping[str, int]:
        return reader.counts(self._db)

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        return reader.drop_expired(self._db, now_ms, limit)

    def close(self) -> None:
        self._db.close()
        self._lock.release()

    def _page(self, select: str, bound: tuple[Any, ...]) -> list[Any]:
        return self._db.execute(select, bound).fetchall()
