"""A whole commit as one SQL statement.

``INSERT INTO epoch`` goes into a temporary view. Its triggers take the lists of rows apart, which come as JSON, with
all bytes in one blob that the rows point into. So the commit is one step inside SQLite: the thread that makes it gives
up the interpreter once and asks for it back once, where ``executemany`` does so for every row and starves beside a busy
event loop. It isn't slower without a thread either: SQLite needs no statement journal when a transaction is one
statement.

An entity whose place is known (gathering.py) is written by its row id, which spares the search in the index of all
keys. That the row there is the entity's is part of the write.

SQLite's JSON ends a string at U+0000, and bounds each value at 1 GB. A commit with such a string, or with more bytes
in all, goes row by row, which is rare enough to be slow.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from statefun_actors.store import Commit
from statefun_actors.store.sqlite.gathering import Plan
from statefun_actors.store.sqlite.schema import DEAD_LETTER, EGRESS, ENTITY, MESSAGE, PAGE_SIZE, REQUEST, TIMER

Row = Sequence[Any]

_encode: Final = msgspec.json.Encoder().encode
_NUL: Final = "\\u0000"


class CommitRows(NamedTuple):
    """One row for the view ``epoch``: JSON lists of rows, None for an empty one.

    A row's bytes are its last two items: where they begin in ``bytes``, counted from 1, and how many they are.
    """

    moves: str | None
    placed: str | None
    entities: str | None
    entities_gone: str | None
    messages: str | None
    messages_done: str | None
    timers: str | None
    timers_done: str | None
    egress: str | None
    egress_done: str | None
    dead_letters: str | None
    dead_letters_done: str | None
    requests: str | None
    requests_done: str | None
    positions: str | None
    next_seq: int
    bytes: bytes


class PreparedCommit(Struct, frozen=True):
    """A commit made ready for :func:`write`; nothing in it is shared with the engine."""

    epoch: CommitRows
    rows: int
    """How many it writes and deletes."""

    @property
    def pages(self) -> int:
        """How many pages of the file it changes, roughly."""
        return self.rows + len(self.epoch.bytes) // PAGE_SIZE + 8


class NotOwnerError(Exception):
    """Whoever writes does not own the store any more."""


def change(commit: Commit, plan: Plan = Plan()) -> PreparedCommit:  # noqa: B008 - frozen
    """*commit*, ready to be written, its entities where *plan* says.

    Raises:
        UnicodeEncodeError: a string that is no Unicode text.
        OverflowError: a time that is no integer of 64 bits, of which SQLite would make a float.
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
        messages.append((m.seq, *m.target, *(m.caller or _NOBODY), m.value.typename, at, size))
        chunks.append(m.value.value)
        at += size
    timers: list[Row] = []
    for t in commit.timers:
        if not _LEAST <= t.due_ms <= _GREATEST:
            raise OverflowError(f"a delayed message is due at {t.due_ms} ms, which has more than 64 bits")
        size = len(t.value.value)
        timers.append((t.seq, t.due_ms, *t.target, *(t.caller or _NOBODY), t.token, t.value.typename, at, size))
        chunks.append(t.value.value)
        at += size
    egress: list[Row] = []
    for record in commit.egress:
        size = len(record.value.value)
        egress.append((record.seq, record.egress, record.value.typename, at, size))
        chunks.append(record.value.value)
        at += size
    dead_letters: list[Row] = []
    for letter in commit.dead_letters:
        m = letter.message
        size = len(m.value.value)
        why = (letter.seq, letter.error_type, letter.error, letter.attempts, letter.time_ms)
        dead_letters.append((*why, m.seq, *m.target, *(m.caller or _NOBODY), m.value.typename, at, size))
        chunks.append(m.value.value)
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
        requests=_json(requests),
        requests_done=_json([(*target, key) for target, key in commit.requests_done]),
        positions=_json(list(commit.positions.items())),
        next_seq=commit.next_seq,
        bytes=b"".join(chunks),
    )
    done = (
        *(commit.messages_done, commit.timers_done, commit.egress_done, commit.dead_letters_done),
        commit.requests_done,
    )
    return PreparedCommit(epoch, len(chunks) + len(gone) + len(commit.positions) + sum(map(len, done)))


_NOBODY: Final = (None, None)
_LEAST: Final = -(1 << 63)
_GREATEST: Final = (1 << 63) - 1


def _json(rows: Sequence[object]) -> str | None:
    return _encode(rows).decode() if rows else None


def prepare(db: sqlite3.Connection) -> None:
    """Make the view that :func:`write` writes to. It is temporary: nothing of it is in the file."""
    db.execute(f"CREATE TEMP VIEW epoch AS SELECT {', '.join(f'NULL AS {name}' for name in _COLUMNS)}")
    for when, statements in _TRIGGERS:
        db.execute(
            f"CREATE TEMP TRIGGER epoch_{when[0]} INSTEAD OF INSERT ON epoch "
            f"WHEN {' OR '.join(f'new.{column} IS NOT NULL' for column in when)} BEGIN {'; '.join(statements)}; END"
        )


def write(db: sqlite3.Connection, epoch: CommitRows, owner: str) -> None:
    """Commit *epoch*: a transaction of its own, durable on return.

    Raises:
        NotOwnerError: *owner* does not own the store any more; nothing was written.
        sqlite3.Error: nothing was written.
    """
    largest = db.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
    if len(epoch.bytes) <= largest and not any(
        isinstance(rows, str) and (_NUL in rows or len(rows) > largest) for rows in epoch
    ):
        try:
            db.executemany(_WRITE, ((*epoch, owner),))  # unlike execute() it doesn't stop to ask for the last row id
        except sqlite3.IntegrityError as error:
            if str(error) == _NOT_OWNER:
                raise NotOwnerError from error
            raise
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        if not db.execute("SELECT EXISTS (SELECT 1 FROM owner WHERE id = ?)", (owner,)).fetchone()[0]:
            raise NotOwnerError
        _write_by_row(db, epoch)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


_COLUMNS: Final = (*CommitRows._fields, "owner")
_WRITE: Final = f"INSERT INTO epoch VALUES ({', '.join('?' * len(_COLUMNS))})"
_NOT_OWNER: Final = "the store has another owner"

_TABLES: Final = (
    # columns of the view, table, its columns
    ("messages", "messages_done", "message", MESSAGE),
    ("timers", "timers_done", "timer", TIMER),
    ("egress", "egress_done", "egress", EGRESS),
    ("dead_letters", "dead_letters_done", "dead_letter", DEAD_LETTER),
)
_UPSERT: Final = "ON CONFLICT (type, id) DO UPDATE SET expires_ms = excluded.expires_ms, state = excluded.state"
_DELETE: Final = "DELETE FROM entity WHERE (type, id) IN"
_FORGET: Final = "DELETE FROM request WHERE (type, id, key) IN"
_PLACE: Final = (
    "ON CONFLICT (rowid) DO UPDATE SET expires_ms = excluded.expires_ms, state = excluded.state "
    "WHERE type = excluded.type AND id = excluded.id"
)
_PLACED: Final = ("rowid", *ENTITY)
_ELSEWHERE: Final = "a row lies elsewhere"
_COUNT: Final = "UPDATE counter SET next_seq = ? WHERE next_seq < ?"


def _items(count: int) -> list[str]:
    return [f"json_extract(value, '$[{n}]')" for n in range(count)]


def _select(rows: str, columns: Sequence[str]) -> str:
    """The rows of the JSON list in the view's column *rows*, of which the last column is bytes."""
    *items, size = _items(len(columns) + 1)
    *items, at = items
    return f"SELECT {', '.join(items)}, substr(new.bytes, {at}, {size}) FROM json_each(new.{rows})"


_TRIGGERS: Final[Sequence[tuple[tuple[str, ...], tuple[str, ...]]]] = (
    # where one of these columns is not NULL, these statements
    (
        ("placed", "entities", "entities_gone"),
        (
            f"{_DELETE} (SELECT {', '.join(_items(2))} FROM json_each(new.moves))",
            f"{_DELETE} (SELECT {', '.join(_items(2))} FROM json_each(new.entities_gone))",
            f"INSERT INTO entity ({', '.join(_PLACED)}) {_select('placed', _PLACED)} WHERE true "
            "ON CONFLICT (rowid) DO UPDATE SET expires_ms = excluded.expires_ms, state = "
            f"iif(type = excluded.type AND id = excluded.id, excluded.state, RAISE(ABORT, '{_ELSEWHERE}'))",
            f"INSERT INTO entity ({', '.join(ENTITY)}) {_select('entities', ENTITY)} WHERE true {_UPSERT}",
        ),
    ),
    *(
        (
            (born, done),
            (
                f"DELETE FROM {table} WHERE seq IN (SELECT value FROM json_each(new.{done}))",
                f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) {_select(born, columns)}",
            ),
        )
        for born, done, table, columns in _TABLES
    ),
    (
        ("requests", "requests_done"),
        (
            f"{_FORGET} (SELECT {', '.join(_items(3))} FROM json_each(new.requests_done))",
            f"INSERT OR REPLACE INTO request ({', '.join(REQUEST)}) {_select('requests', REQUEST)}",
        ),
    ),
    (
        ("positions",),
        (f"INSERT OR REPLACE INTO position SELECT {', '.join(_items(2))} FROM json_each(new.positions)",),
    ),
    (
        ("next_seq",),
        (
            f"SELECT RAISE(ABORT, '{_NOT_OWNER}') WHERE NOT EXISTS (SELECT 1 FROM owner WHERE id = new.owner)",
            _COUNT.replace("?", "new.next_seq"),
        ),
    ),
)


def _write_by_row(db: sqlite3.Connection, epoch: CommitRows) -> None:
    def rows(name: str) -> list[Any]:
        part = getattr(epoch, name)
        return [] if part is None else msgspec.json.decode(part)

    def whole(name: str) -> list[Row]:
        return [(*items, epoch.bytes[at - 1 : at - 1 + size]) for *items, at, size in rows(name)]

    def insert(table: str, columns: Sequence[str]) -> str:
        return f"INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"

    db.executemany(f"{_DELETE} (VALUES (?, ?))", rows("moves"))
    db.executemany(f"{_DELETE} (VALUES (?, ?))", rows("entities_gone"))
    for row in whole("placed"):
        if not db.execute(f"INSERT {insert('entity', _PLACED)} {_PLACE}", row).rowcount:
            raise sqlite3.IntegrityError(_ELSEWHERE)
    db.executemany(f"INSERT {insert('entity', ENTITY)} {_UPSERT}", whole("entities"))
    for born, done, table, columns in _TABLES:
        db.executemany(f"DELETE FROM {table} WHERE seq = ?", [(seq,) for seq in rows(done)])
        db.executemany(f"INSERT OR REPLACE {insert(table, columns)}", whole(born))
    db.executemany(f"{_FORGET} (VALUES (?, ?, ?))", rows("requests_done"))
    db.executemany(f"INSERT OR REPLACE {insert('request', REQUEST)}", whole("requests"))
    db.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)", rows("positions"))
    db.execute(_COUNT, (epoch.next_seq, epoch.next_seq))
