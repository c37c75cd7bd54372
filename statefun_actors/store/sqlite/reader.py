"""The reads of a SQLite store: for the engine that writes it, and for whoever looks in from beside."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from statefun_actors.address import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import (
    DamagedStateError,
    DamagedStoreError,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    Kept,
    KeyedRequest,
    Message,
    Recovered,
    StoreError,
    Timer,
    unpack,
)
from statefun_actors.store.sqlite import schema
from statefun_actors.store.sqlite.files import (
    connect_read_only,
    is_about_writing,
    make_folder,
    make_private_file,
    put_in_place,
    store_error,
)
from statefun_actors.store.sqlite.log_marks import check_together, lock_to_replace, mark_copy
from statefun_actors.store.sqlite.schema import DEAD_LETTER, EGRESS, MESSAGE
from statefun_actors.store.sqlite.selects import (
    DEAD_LETTER_BY_SEQ,
    EXPIRED,
    LAST_SEQ,
    LOAD,
    LOAD_SIZES,
    MESSAGES_TO,
    PAGE,
    PENDING_TIMER,
    REQUEST_BY_KEY,
    REQUESTS_AFTER,
    REQUESTS_BEFORE,
    TIMERS_AFTER,
    address_of,
    after_prefix,
    dead_letter_of,
    listed,
    message_of,
    request_of,
    timer_of,
)


class Reads:
    """All that can be asked of a store, over whichever connection :meth:`_connection` gives for the next read.

    Raises:
        StoreError: the store can't be read (any more).
    """

    path: Path

    def recover(self) -> Recovered:
        """The state as of the last commit."""
        with self._standing_still() as db:
            ((next_seq,),) = self._rows("SELECT next_seq FROM counter", (), db)
            positions = dict(self._rows("SELECT name, position FROM position", (), db))
        return Recovered(next_seq, positions)

    def messages_to(self, target: Address, after: int, limit: int) -> list[Message]:
        """At most *limit* messages that wait for *target* with a seq greater than *after*, in its order."""
        return [message_of(*row) for row in self._rows(MESSAGES_TO, (*target, after, limit))]

    def messages(self) -> Iterator[Message]:
        """All messages that wait, in the order of their seq."""
        for row in self._by_seq("message", MESSAGE):
            yield message_of(*row)

    def types(self) -> list[str]:
        """The function types that have entities, in order. It looks into the index once for each."""
        found: list[str] = []
        ((typename,),) = self._rows("SELECT min(type) FROM entity")
        while typename is not None:
            found.append(typename)
            ((typename,),) = self._rows("SELECT min(type) FROM entity WHERE type > ?", (typename,))
        return found

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        """The packed state of each address, None where there is none."""
        if len(addresses) <= LOAD_SIZES[-1]:
            return self._load(addresses, None)
        found: list[bytes | None] = []
        with self._standing_still() as db:
            for start in range(0, len(addresses), LOAD_SIZES[-1]):
                found += self._load(addresses[start : start + LOAD_SIZES[-1]], db)
        return found

    def _load(self, addresses: Sequence[Address], db: sqlite3.Connection | None) -> list[bytes | None]:
        found: list[bytes | None] = [None] * len(addresses)
        size = next(size for size in LOAD_SIZES if size >= len(found))
        wanted: list[str | None] = [part for address in addresses for part in address]
        wanted += [None] * (2 * size - len(wanted))
        for n, state in self._rows(LOAD[size], wanted, db):
            found[n] = state
        return found

    def timers_after(self, due_ms: int, seq: int, limit: int) -> list[Timer]:
        """At most *limit* timers whose ``(due_ms, seq)`` is greater than the one given, in that order."""
        return [timer_of(*row) for row in self._rows(TIMERS_AFTER, (due_ms, seq, due_ms, limit))]

    def pending_timer(self, owner: Address, token: str) -> Timer | None:
        """The timer that *owner* set with *token*; the newest, should there be several."""
        rows = self._rows(PENDING_TIMER, (*owner, token))
        return timer_of(*rows[0]) if rows else None

    def egress_after(self, seq: int, limit: int, names: Iterable[str] | None = None) -> list[EgressRecord]:
        """At most *limit* records kept with a greater seq, oldest first; of the egresses *names* only, if given."""
        wanted = () if names is None else tuple(names)
        of_names = "" if names is None else f"AND egress IN ({', '.join('?' * len(wanted))})"
        select = f"SELECT {listed(EGRESS)} FROM egress WHERE seq > ? {of_names} ORDER BY seq LIMIT ?"
        rows = self._rows(select, (seq, *wanted, limit))
        return [EgressRecord(seq, egress, TypedValue(*value)) for seq, egress, *value in rows]

    def egress_counts(self) -> Mapping[str, int]:
        """How many records are kept of each egress that has any. Looks at all of them."""
        return dict(self._rows("SELECT egress, count(*) FROM egress GROUP BY egress ORDER BY egress"))

    def dead_letters(self) -> Iterator[DeadLetterEntry]:
        """All dead letters, oldest first."""
        return (dead_letter_of(*row) for row in self._by_seq("dead_letter", DEAD_LETTER))

    def dead_letter(self, seq: int) -> DeadLetterEntry | None:
        """The dead letter of this number, None where there is none."""
        rows = self._rows(DEAD_LETTER_BY_SEQ, (seq,))
        return dead_letter_of(*rows[0]) if rows else None

    def request(self, target: Address, key: str) -> KeyedRequest | None:
        """What was asked of *target* under this key, None if nothing was."""
        rows = self._rows(REQUEST_BY_KEY, (*target, key))
        return request_of(*rows[0]) if rows else None

    def requests(self, *, pending: bool = False) -> Iterator[KeyedRequest]:
        """All requests that came with a key, or the *pending* ones, by target and key (by code point)."""
        after = ("", "", "")
        while rows := self._rows(
            REQUESTS_AFTER % ("AND state IN ('pending', 'pending reply')" if pending else ""), after
        ):
            yield from (request_of(*row) for row in rows)
            after = tuple(rows[-1][:3])

    def requests_before(self, time_ms: int, limit: int) -> list[KeyedRequest]:
        """At most *limit* requests that came at *time_ms* or earlier, oldest first."""
        return [request_of(*row) for row in self._rows(REQUESTS_BEFORE, (time_ms, limit))]

    def entities(self, typename: str, prefix: str = "") -> Iterator[EntityRow]:
        """The entities of one function type in the order of their ids (by code point), those with *prefix* only."""
        end = after_prefix(prefix)
        until, ends = ("", ()) if end is None else ("AND id < ?", (end,))
        select = f"SELECT id, state, expires_ms FROM entity WHERE type = ? AND id %s ? {until} ORDER BY id LIMIT {PAGE}"
        rows = self._rows(select % ">=", (typename, prefix, *ends))
        while rows:
            for id, state, expires_ms in rows:
                yield EntityRow(address_of(typename, id), state, expires_ms)
            rows = self._rows(select % ">", (typename, rows[-1][0], *ends))

    def counts(self) -> Mapping[str, int]:
        """How many of each: ``messages``, ``timers``, ``egress``, ``dead_letters``, and each function type's entities.

        Reads all keys: a quarter of a second for a million entities.
        """
        tables = {"messages": "message", "timers": "timer", "egress": "egress", "dead_letters": "dead_letter"}
        with self._standing_still() as db:
            found = {name: self._rows(f"SELECT count(*) FROM {table}", (), db)[0][0] for name, table in tables.items()}
            return found | dict(self._rows("SELECT type, count(*) FROM entity GROUP BY type ORDER BY type", (), db))

    def stored_twice(self, typename: str, former: str) -> tuple[int, str] | None:
        """How many entity ids are stored under both function types, and the first of them; None if none is."""
        ((count, first),) = self._rows(
            "SELECT count(*), min(id) FROM entity AS one WHERE type = ? AND EXISTS "
            "(SELECT 1 FROM entity AS other WHERE other.type = ? AND other.id = one.id)",
            (former, typename),
        )
        return (count, first) if count else None

    def kept_for(self, typename: str) -> Kept:
        """How much is stored of the function type *typename*. Looks at all delayed messages and dead letters."""
        with self._standing_still() as db:
            counts = [
                self._rows(f"SELECT count(*) FROM {table} WHERE type = ?", (typename,), db)[0][0]
                for table in ("entity", "message", "timer", "dead_letter")
            ]
        return Kept(*counts)

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        """Addresses of at most *limit* entity rows with ``expires_ms <= now_ms``, the longest expired first."""
        return [address_of(*row) for row in self._rows(EXPIRED, (now_ms, limit))]

    def integrity_check(self) -> list[str]:
        """What is wrong with the file, mostly in SQLite's words; nothing if all is well. Reads all of it.

        What the engine has packed into entities is not looked into: see :meth:`damaged_entities`.
        """
        try:
            with self._connected_anew() as db:
                found = [text for (text,) in db.execute("PRAGMA integrity_check").fetchall()]
                (next_seq,) = db.execute("SELECT next_seq FROM counter").fetchone()
                (last,) = db.execute(LAST_SEQ).fetchone()
                _read_texts(db)
        except sqlite3.DatabaseError as error:
            return [str(error)]
        if last >= next_seq:
            found.append(f"the next sequence number is {next_seq}, but {last} is taken")
        return [text for text in found if text != "ok"]

    def damaged_entities(self) -> list[str]:
        """Entities whose packed states can't be unpacked, each with the reason. Reads all of them.

        Raises:
            StoreError: the file itself is damaged.
        """
        found = []
        try:
            with self._connected_anew() as db:
                for typename, id, state in db.execute("SELECT type, id, state FROM entity"):
                    try:
                        unpack(address_of(typename, id), state, ())
                    except DamagedStateError as error:
                        found.append(f"{error.owner}: {error.reason}")
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error
        return found

    def backup(self, target: Path | str, *, overwrite: bool = False) -> None:
        """Copy the store as of now to *target*, whole or not at all, while the engine goes on.

        Raises:
            StoreError: *target* exists and *overwrite* isn't set, a store is in use there, or it can't be written; or
                the store itself can't be read, or is damaged: *target* then stays as it was.
        """
        target = Path(target)
        there = target.resolve()
        partial = there.with_name(f"{there.name}.{os.getpid()}.partial")
        try:
            if target.exists() and (not overwrite or not target.is_file() or target.samefile(self.path)):
                raise StoreError(str(target), "it exists already", "Choose another target for the backup.")
            make_folder(there.parent)
            partial.unlink(missing_ok=True)
            make_private_file(partial)
            with self._connected_anew() as db:
                wrong = _copy(db, partial)
            if wrong != "ok":
                raise DamagedStoreError(str(self.path), wrong)
            if target.exists():
                with lock_to_replace(target):
                    put_in_place(partial, there)
            else:
                put_in_place(partial, there)
        except sqlite3.Error as error:
            raise store_error(target if is_about_writing(error) else self.path, error) from error
        except OSError as error:
            raise StoreError(str(target), f"the backup can't be written: {error}") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def _connection(self) -> sqlite3.Connection:
        raise NotImplementedError

    def _by_seq(self, table: str, columns: Sequence[str], db: sqlite3.Connection | None = None) -> Iterator[Any]:
        select = f"SELECT {listed(columns)} FROM {table} WHERE seq > ? ORDER BY seq LIMIT {PAGE}"
        seq = -1
        while rows := self._rows(select, (seq,), db):
            yield from rows
            seq = rows[-1][0]

    @contextmanager
    def _standing_still(self) -> Generator[sqlite3.Connection]:
        """A connection on which several reads see the same commit."""
        db = self._connection()
        if db.in_transaction:  # within a snapshot
            yield db
            return
        self._rows("BEGIN", (), db)
        try:
            yield db
        finally:
            self._rows("ROLLBACK", (), db)

    def _rows(self, select: str, bound: Sequence[Any] = (), db: sqlite3.Connection | None = None) -> list[Any]:
        try:
            return (db or self._connection()).execute(select, bound).fetchall()
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise store_error(self.path, error) from error

    @contextmanager
    def _connected_anew(self) -> Generator[sqlite3.Connection]:
        """A connection of its own for what takes long, so that it may run in any thread."""
        db = connect_read_only(self.path)
        try:
            yield db
        finally:
            db.close()


def _read_texts(db: sqlite3.Connection) -> None:
    """Read what SQLite takes for sound without looking: texts.

    Raises:
        sqlite3.Error: a text is none.
    """
    for table in ("position", "message", "timer", "egress", "dead_letter"):
        for _ in db.execute(f"SELECT * FROM {table}"):
            pass
    for _ in db.execute("SELECT type, id FROM entity"):
        pass


class SqliteReader(Reads):
    """The store in the file *path*, to be read only, while an engine runs on it or not. It takes no lock.

    Each read sees the last commit as of then; those that stream see it page by page, unless within :meth:`snapshot`.
    Not for two threads at once, except :meth:`integrity_check` and :meth:`backup`, which may run in another one.

    Args:
        path: the file.
        older: a store of an earlier version will do: it can be counted, checked and copied, not read otherwise.

    Raises:
        StoreError: there is no store of ours in *path*, or none that this version reads.
    """

    def __init__(self, path: Path | str, *, older: bool = False) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise StoreError(str(path), "there is no such file", "`statefun-actors run` makes it.")
        self._db: sqlite3.Connection | None = None
        check_together(self.path)
        db = connect_read_only(self.path)
        try:
            version = schema.version(db, self.path, len(schema.STEPS))
            if not version:
                raise StoreError(str(path), "nothing is in it yet", "A run may be making it: try again.")
            self.is_older = version < len(schema.STEPS)
            if self.is_older and not older:
                raise StoreError(
                    str(path),
                    f"it is of version {version}, this statefun-actors reads version {len(schema.STEPS)}",
                    "Start it once with `statefun-actors run`: that brings it up to date.",
                )
        except BaseException:
            db.close()
            raise
        self._db = db

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Within it, all reads see one and the same commit, whatever is committed meanwhile.

        The engine's log of changes can't be cut short until it ends, and grows.
        """
        with self._standing_still():
            self._rows("SELECT next_seq FROM counter")  # SQLite takes the snapshot with the first read
            yield

    def close(self) -> None:
        """Let go of the files. Safe to call twice."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(str(self.path), "it is closed")
        return self._db


def _copy(db: sqlite3.Connection, target: Path) -> str:
    """Copy *db* to *target*, pages as they are; what is wrong with these, ``ok`` if nothing is."""
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a backup is one file, without a log beside it
        mark_copy(copy)
        (wrong,) = copy.execute("PRAGMA quick_check(1)").fetchone()  # takes half as long as the copy
        return " ".join(str(wrong).removeprefix("*** in database main ***").split())
    finally:
        copy.close()
