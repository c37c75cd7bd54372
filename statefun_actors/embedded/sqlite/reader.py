"""The reads of a SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from statefun_actors.embedded.store import (
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    Message,
    Recovered,
    Timer,
)
from statefun_actors.model import Address, TypedValue

PAGE: Final = 1000
"""Rows read at a time by the reads that stream: between pages nothing is held, so they never hold up a checkpoint."""

_MESSAGE: Final = "seq, type, id, caller_type, caller_id, value_type, value"
_TIMER: Final = "seq, due_ms, type, id, caller_type, caller_id, token, value_type, value"
_DEAD_LETTER: Final = (
    "seq, message_seq, type, id, caller_type, caller_id, value_type, value, error_type, error, attempts, time_ms"
)


def recover(db: sqlite3.Connection) -> Recovered:
    (next_seq,) = db.execute("SELECT next_seq FROM counter").fetchone()
    positions = dict(db.execute("SELECT name, position FROM position"))
    messages = [message(*row) for row in db.execute(f"SELECT {_MESSAGE} FROM message ORDER BY seq")]
    return Recovered(next_seq, positions, messages)


def load(db: sqlite3.Connection, addresses: Sequence[Address]) -> list[bytes | None]:
    execute = db.execute
    rows = [execute("SELECT state FROM entity WHERE type = ? AND id = ?", a).fetchone() for a in addresses]
    return [None if row is None else row[0] for row in rows]


def timers_after(db: sqlite3.Connection, due_ms: int, seq: int, limit: int) -> list[Timer]:
    rows = db.execute(
        f"SELECT {_TIMER} FROM timer WHERE (due_ms, seq) > (?, ?) ORDER BY due_ms, seq LIMIT ?", (due_ms, seq, limit)
    )
    return [timer(*row) for row in rows.fetchall()]


def pending_timer(db: sqlite3.Connection, owner: Address, token: str) -> Timer | None:
    rows = db.execute(
        f"SELECT {_TIMER} FROM timer WHERE caller_type = ? AND caller_id = ? AND token = ? ORDER BY seq DESC LIMIT 1",
        (*owner, token),
    ).fetchall()
    return timer(*rows[0]) if rows else None


def egress_after(db: sqlite3.Connection, seq: int, limit: int, names: Iterable[str] | None) -> list[EgressRecord]:
    wanted = None if names is None else list(names)
    where = "" if wanted is None else f"AND egress IN ({', '.join('?' * len(wanted))})"
    rows = db.execute(
        f"SELECT seq, egress, value_type, value FROM egress WHERE seq > ? {where} ORDER BY seq LIMIT ?",
        (seq, *(wanted or ()), limit),
    )
    return [EgressRecord(seq, egress, TypedValue(*value)) for seq, egress, *value in rows.fetchall()]


def dead_letters(page: Callable[..., list[Any]]) -> Iterator[DeadLetterEntry]:
    seq = 0
    while rows := page(f"SELECT {_DEAD_LETTER} FROM dead_letter WHERE seq > ? ORDER BY seq LIMIT {PAGE}", (seq,)):
        for seq, *of_message, error_type, error, attempts, time_ms in rows:
            yield DeadLetterEntry(seq, message(*of_message), error_type, error, attempts, time_ms)


def entities(page: Callable[..., list[Any]], typename: str, prefix: str) -> Iterator[EntityRow]:
    end = after_prefix(prefix)
    until = "" if end is None else "AND id < ?"
    select = f"SELECT id, state, expires_ms FROM entity WHERE type = ? AND id %s ? {until} ORDER BY id LIMIT {PAGE}"
    bound = () if end is None else (end,)
    rows = page(select % ">=", (typename, prefix, *bound))
    while rows:
        for id, state, expires_ms in rows:
            yield EntityRow(address(typename, id), state, expires_ms)
        rows = page(select % ">", (typename, id, *bound))


def counts(db: sqlite3.Connection) -> Mapping[str, int]:
    tables = ("messages", "message"), ("timers", "timer"), ("egress", "egress"), ("dead_letters", "dead_letter")
    found = {name: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for name, table in tables}
    return found | dict(db.execute("SELECT type, count(*) FROM entity GROUP BY type").fetchall())


def drop_expired(db: sqlite3.Connection, now_ms: int, limit: int) -> list[Address]:
    rows = db.execute(
        "SELECT type, id FROM entity WHERE expires_ms <= ? ORDER BY expires_ms, type, id LIMIT ?", (now_ms, limit)
    )
    return [address(*row) for row in rows.fetchall()]


def after_prefix(prefix: str) -> str | None:
    """The least string greater than all that begin with *prefix*; None where there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    successor = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if 0xD800 <= successor <= 0xDFFF else successor)


def address(typename: str, id: str) -> Address:
    """What was an address when it went in needs no check on its way out."""
    return tuple.__new__(Address, (typename, id))


def message(
    seq: int, typename: str, id: str, caller_type: str | None, caller_id: str | None, value_type: str, value: bytes
) -> Message:
    caller = None if caller_type is None or caller_id is None else address(caller_type, caller_id)
    return Message(seq, address(typename, id), TypedValue(value_type, value), caller)


def timer(
    seq: int,
    due_ms: int,
    typename: str,
    id: str,
    caller_type: str | None,
    caller_id: str | None,
    token: str | None,
    value_type: str,
    value: bytes,
) -> Timer:
    caller = None if caller_type is None or caller_id is None else address(caller_type, caller_id)
    return Timer(seq, due_ms, address(typename, id), TypedValue(value_type, value), caller, token)
