"""Writes a whole commit as one SQL statement.

``INSERT INTO epoch`` writes to a temporary view, whose triggers unpack lists of rows in JSON, with all bytes in one
blob that the rows refer to. So the commit is one step inside SQLite: its thread releases the GIL once and acquires it
once, while ``executemany`` does so for every row and starves next to a busy event loop. Without a thread it isn't
slower either: SQLite needs no statement journal if a transaction is one statement.

An entity with a known row id (gathering.py) is written by it, without a search in the index of all keys. The write
checks that the row has the entity's key.

SQLite's JSON ends a string at U+0000, and limits values to 1 GB. A commit with such a string, or with more bytes in
all, is written row by row; that is slow, but rare.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import repeat
from operator import contains
from typing import Any, Final

import msgspec
from msgspec import Struct

from statefun_actors.store import Commit, EgressRecord, Message, Timer
from statefun_actors.store.sqlite.epoch_view import (
    DELETE_ENTITIES,
    DELETE_REQUESTS,
    ENTITY_BY_ROWID,
    INSERT_EPOCH,
    NO_ROWS,
    NOT_OWNER,
    OLDER,
    SET_NEXT_SEQ,
    TABLES,
    UPSERT,
    UPSERT_BY_ROWID,
    WRONG_ROWID,
    CommitRows,
)
from statefun_actors.store.sqlite.gathering import Plan
from statefun_actors.store.sqlite.schema import ENTITY, PAGE_SIZE, REQUEST

Row = Sequence[Any]

_encode: Final = msgspec.json.Encoder().encode
_NUL: Final = "\\u0000"


class PreparedCommit(Struct, frozen=True):
    """A commit prepared for :func:`write`; it shares nothing with the engine."""

    epoch: CommitRows
    rows: int
    """The number of rows that it writes and deletes."""

    @property
    def pages(self) -> int:
        """The approximate number of pages that it changes."""
        return self.rows + len(self.epoch.bytes) // PAGE_SIZE + 8


class NotOwnerError(Exception):
    """The writer no longer owns the store."""


class OlderStateError(Exception):
    """The store is in an older state than its writer has written."""


def change(commit: Commit, plan: Plan = Plan()) -> PreparedCommit:  # noqa: B008 - frozen
    """Prepare *commit* for writing, with row ids according to *plan*.

    Raises:
        UnicodeEncodeError: a string is not Unicode text.
        OverflowError: a time is not an integer of 64 bits; SQLite would store it as a float.
    """
    chunks: list[bytes] = []
    at = 1
    places = plan.places
    placed: list[Row] = []
    entities: list[Row] = []
    gone: list[Row] = []
    for row in commit.entities:
        packed, expires_ms = row.packed, row.expires_ms
        if expires_ms is not None and not _LEAST <= expires_ms <= _GREATEST:
            raise OverflowError(f"an entity expires at {expires_ms} ms, which has more than 64 bits")
        if packed is None:
            gone.append(row.address)
        else:
            size = len(packed)
            place = places.get(row.address)
            if place is None:
                entities.append((*row.address, expires_ms, at, size))
            else:
                placed.append((place, *row.address, expires_ms, at, size))
            chunks.append(packed)
            at += size
    messages: list[Row] = []
    for m in commit.messages:
        size = len(m.value.value)
        messages.append((m.seq, *m.target, *(m.caller or _NOBODY), _headers(m), m.value.typename, at, size))
        chunks.append(m.value.value)
        at += size
    timers: list[Row] = []
    for t in commit.timers:
        if not _LEAST <= t.due_ms <= _GREATEST:
            raise OverflowError(f"a delayed message is due at {t.due_ms} ms, which has more than 64 bits")
        size = len(t.value.value)
        whose = (*t.target, *(t.caller or _NOBODY), t.token)
        timers.append((t.seq, t.due_ms, *whose, _headers(t), t.value.typename, at, size))
        chunks.append(t.value.value)
        at += size
    egress: list[Row] = []
    for record in commit.egress:
        size = len(record.value.value)
        egress.append((record.seq, record.egress, _headers(record), record.value.typename, at, size))
        chunks.append(record.value.value)
        at += size
    dead_letters: list[Row] = []
    for letter in commit.dead_letters:
        m = letter.message
        size = len(m.value.value)
        why = (letter.seq, letter.error_type, letter.error, letter.attempts, letter.time_ms)
        whose = (*m.target, *(m.caller or _NOBODY))
        dead_letters.append((*why, m.seq, *whose, _headers(m), m.value.typename, at, size))
        chunks.append(m.value.value)
        at += size
    history: list[Row] = []
    for part in commit.history:
        size = len(part.packed)
        history.append((part.seq, part.keys, at, size))
        chunks.append(part.packed)
        at += size
    requests: list[Row] = []
    for request in commit.requests:
        value_type, data = (None, b"") if request.result is None else (request.result.typename, request.result.value)
        size = len(data)
        what = (request.key, request.digest, request.time_ms, request.request, request.state.value)
        requests.append((*request.target, *what, value_type, at, size))
        chunks.append(data)
        at += size
    chunks.append(b"\0")  # substr() of an empty blob would be NULL
    epoch = CommitRows(
        moves=_json(plan.moves),
        placed=_json(placed),
        entities=_json(entities),
        entities_gone=_json(gone),
        messages=_json(messages),
        messages_done=_json(commit.messages_done),
        timers=_json(timers),
        timers_done=_json(commit.timers_done),
        egress=_json(egress),
        egress_done=_json(commit.egress_done),
        dead_letters=_json(dead_letters),
        dead_letters_done=_json(commit.dead_letters_done),
        history=_json(history),
        history_done=_json(commit.history_done),
        requests=_json(requests),
        requests_done=_json([(*target, key) for target, key in commit.requests_done]),
        positions=_json(list(commit.positions.items())),
        next_seq=commit.next_seq,
        bytes=bytearray().join(chunks),
    )
    done = (
        *(commit.messages_done, commit.timers_done, commit.egress_done, commit.dead_letters_done),
        *(commit.requests_done, commit.history_done),
    )
    return PreparedCommit(epoch, len(chunks) + len(gone) + len(commit.positions) + sum(map(len, done)))


_NOBODY: Final = (None, None)
_LEAST: Final = -(1 << 63)
_GREATEST: Final = (1 << 63) - 1


def _headers(row: EgressRecord | Message | Timer) -> str | None:
    return None if row.headers is None else _encode(row.headers).decode()


def _json(rows: Sequence[object]) -> str | int:
    return _encode(rows).decode() if rows else NO_ROWS


def write(db: sqlite3.Connection, epoch: CommitRows, owner: str, last_seq: int) -> None:
    """Commit *epoch* in a transaction of its own; durable on return.

    Args:
        db: the connection.
        epoch: what to write.
        owner: the id of the writer.
        last_seq: the counter as it was last written.

    Raises:
        NotOwnerError: *owner* no longer owns the store; nothing was written.
        OlderStateError: the counter is less than *last_seq*; nothing was written.
        sqlite3.Error: nothing was written.
    """
    largest = db.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
    texts = [part for part in epoch if isinstance(part, str)]
    if max(map(len, (epoch.bytes, *texts))) <= largest and not any(map(contains, texts, repeat(_NUL))):
        try:
            # Unlike execute(), this does not query the last row id.
            db.executemany(INSERT_EPOCH, ((*epoch, owner, last_seq),))
        except sqlite3.IntegrityError as error:
            if str(error) == NOT_OWNER:
                raise NotOwnerError from error
            if str(error) == OLDER:
                raise OlderStateError from error
            raise
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        if not db.execute("SELECT EXISTS (SELECT 1 FROM owner WHERE id = ?)", (owner,)).fetchone()[0]:
            raise NotOwnerError
        if db.execute("SELECT next_seq FROM counter").fetchone()[0] < last_seq:
            raise OlderStateError
        _write_by_row(db, epoch)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _write_by_row(db: sqlite3.Connection, epoch: CommitRows) -> None:
    def rows(name: str) -> list[Any]:
        part = getattr(epoch, name)
        return [] if part == NO_ROWS else msgspec.json.decode(part)

    def whole(name: str) -> list[Row]:
        return [(*items, epoch.bytes[at - 1 : at - 1 + size]) for *items, at, size in rows(name)]

    def insert(table: str, columns: Sequence[str]) -> str:
        return f"INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"

    db.executemany(f"{DELETE_ENTITIES} (VALUES (?, ?))", rows("moves"))
    db.executemany(f"{DELETE_ENTITIES} (VALUES (?, ?))", rows("entities_gone"))
    for row in whole("placed"):
        if not db.execute(f"INSERT {insert('entity', ENTITY_BY_ROWID)} {UPSERT_BY_ROWID}", row).rowcount:
            raise sqlite3.IntegrityError(WRONG_ROWID)
    db.executemany(f"INSERT {insert('entity', ENTITY)} {UPSERT}", whole("entities"))
    for born, done, table, columns in TABLES:
        db.executemany(f"DELETE FROM {table} WHERE seq = ?", [(seq,) for seq in rows(done)])
        db.executemany(f"INSERT OR REPLACE {insert(table, columns)}", whole(born))
    db.executemany(f"{DELETE_REQUESTS} (VALUES (?, ?, ?))", rows("requests_done"))
    db.executemany(f"INSERT OR REPLACE {insert('request', REQUEST)}", whole("requests"))
    db.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)", rows("positions"))
    db.execute(SET_NEXT_SEQ, (epoch.next_seq, epoch.next_seq))
