"""The queries of a SQLite store, over whatever connection its reader or its writer provides."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from statefun_actors.address import Address
from statefun_actors.store import (
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    HistoryRow,
    Kept,
    KeyedRequest,
    Message,
    Recovered,
    Timer,
    up_to,
)
from statefun_actors.store.sqlite.files import (
    store_error,
)
from statefun_actors.store.sqlite.schema import DEAD_LETTER, EGRESS, MESSAGE
from statefun_actors.store.sqlite.selects import (
    DEAD_LETTER_BY_SEQ,
    EXPIRED,
    HISTORY_OF,
    HISTORY_SIZES,
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
    egress_record_of,
    listed,
    message_of,
    request_of,
    timer_of,
)

_Row = TypeVar("_Row", Message, Timer)


class Queries:
    """All reads of a store, over the connection that :meth:`_connection` returns for the next read.

    Raises:
        StoreError: the store can't be read.
    """

    path: Path

    def recover(self) -> Recovered:
        """The state as of the last commit."""
        with self._standing_still() as db:
            ((next_seq,),) = self._rows("SELECT next_seq FROM counter", (), db)
            positions = dict(self._rows("SELECT name, position FROM position", (), db))
        return Recovered(next_seq, positions)

    def messages_to(self, target: Address, after: int, limit: int, most_bytes: int | None = None) -> list[Message]:
        """At most *limit* pending messages of *target* with a seq greater than *after*, in its order.

        They end with the first one with which they have *most_bytes* together.
        """
        return self._some(MESSAGES_TO, (*target, after, limit), message_of, most_bytes)

    def messages(self) -> Iterator[Message]:
        """All pending messages, in the order of their seq."""
        for row in self._by_seq("message", MESSAGE):
            yield message_of(*row)

    def types(self) -> list[str]:
        """The function types that have entities, in order: one index look-up for each."""
        found: list[str] = []
        ((typename,),) = self._rows("SELECT min(type) FROM entity")
        while typename is not None:
            found.append(typename)
            ((typename,),) = self._rows("SELECT min(type) FROM entity WHERE type > ?", (typename,))
        return found

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        """The packed state of each address; None if it has none."""
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

    def timers_after(self, due_ms: int, seq: int, limit: int, most_bytes: int | None = None) -> list[Timer]:
        """At most *limit* timers after ``(due_ms, seq)``, in that order.

        They end with the first one with which they have *most_bytes* together.
        """
        return self._some(TIMERS_AFTER, (due_ms, seq, due_ms, limit), timer_of, most_bytes)

    def pending_timer(self, owner: Address, token: str) -> Timer | None:
        """The timer that *owner* set with *token*; the newest if there are several."""
        rows = self._rows(PENDING_TIMER, (*owner, token))
        return timer_of(*rows[0]) if rows else None

    def egress_after(self, seq: int, limit: int, names: Iterable[str] | None = None) -> list[EgressRecord]:
        """At most *limit* records with a seq greater than *seq*, oldest first; only of the egresses *names*, if
        given.
        """
        wanted = () if names is None else tuple(names)
        of_names = "" if names is None else f"AND egress IN ({', '.join('?' * len(wanted))})"
        select = f"SELECT {listed(EGRESS)} FROM egress WHERE seq > ? {of_names} ORDER BY seq LIMIT ?"
        rows = self._rows(select, (seq, *wanted, limit))
        return [egress_record_of(*row) for row in rows]

    def egress_counts(self) -> Mapping[str, int]:
        """The number of records of each egress that has any. Reads all of them."""
        return dict(self._rows("SELECT egress, count(*) FROM egress GROUP BY egress ORDER BY egress"))

    def dead_letters(self, after: int = -1) -> Iterator[DeadLetterEntry]:
        """The dead letters with a seq greater than *after*, oldest first."""
        return (dead_letter_of(*row) for row in self._by_seq("dead_letter", DEAD_LETTER, after))

    def dead_letter(self, seq: int) -> DeadLetterEntry | None:
        """The dead letter with this number; None if there is none."""
        rows = self._rows(DEAD_LETTER_BY_SEQ, (seq,))
        return dead_letter_of(*rows[0]) if rows else None

    def history(self, key: str, before: int, limit: int) -> list[HistoryRow]:
        """At most *limit* rows of the history with *key* (empty: any) and a seq less than *before*, newest first."""
        return [HistoryRow(*row) for row in self._rows(HISTORY_OF, (before, f" {key} " if key else "", limit))]

    def history_sizes(self) -> list[tuple[int, int]]:
        """The seq and the number of bytes of each row of the history, oldest first."""
        return [(seq, size) for seq, size in self._rows(HISTORY_SIZES)]

    def request(self, target: Address, key: str) -> KeyedRequest | None:
        """The request to *target* with this key; None if there is none."""
        rows = self._rows(REQUEST_BY_KEY, (*target, key))
        return request_of(*rows[0]) if rows else None

    def requests(self, *, pending: bool = False) -> Iterator[KeyedRequest]:
        """All requests with a key, or only the *pending* ones, ordered by target and key (by code point)."""
        after = ("", "", "")
        while rows := self._rows(
            REQUESTS_AFTER % ("AND state IN ('pending', 'pending reply')" if pending else ""), after
        ):
            yield from (request_of(*row) for row in rows)
            after = tuple(rows[-1][:3])

    def requests_before(self, time_ms: int, limit: int) -> list[KeyedRequest]:
        """At most *limit* requests that arrived at *time_ms* or earlier, oldest first."""
        return [request_of(*row) for row in self._rows(REQUESTS_BEFORE, (time_ms, limit))]

    def entities(self, typename: str, prefix: str = "", after: str | None = None) -> Iterator[EntityRow]:
        """The entities of one function type ordered by id (by code point).

        Only those whose ids begin with *prefix*, and come after the id *after*, if one is given.
        """
        end = after_prefix(prefix)
        until, ends = ("", ()) if end is None else ("AND id < ?", (end,))
        select = f"SELECT id, state, expires_ms FROM entity WHERE type = ? AND id %s ? {until} ORDER BY id LIMIT {PAGE}"
        first = (">=", prefix) if after is None or after < prefix else (">", after)
        rows = self._rows(select % first[0], (typename, first[1], *ends))
        while rows:
            for id, state, expires_ms in rows:
                yield EntityRow(address_of(typename, id), state, expires_ms)
            rows = self._rows(select % ">", (typename, rows[-1][0], *ends))

    def counts(self, without: Collection[str] = ()) -> Mapping[str, int]:
        """The numbers of ``messages``, ``timers``, ``egress``, ``dead_letters``, and of entities of each function type.

        Entities of the function types *without* and the timers that these have set are left out.
        Reads all keys: a quarter of a second for a million entities.
        """
        tables = {"messages": "message", "timers": "timer", "egress": "egress", "dead_letters": "dead_letter"}
        marks = ", ".join("?" * len(without))
        left_out = f"SELECT count(*) FROM timer WHERE caller_type IN ({marks})"
        types = f"SELECT type, count(*) FROM entity WHERE type NOT IN ({marks}) GROUP BY type ORDER BY type"
        with self._standing_still() as db:
            found = {name: self._rows(f"SELECT count(*) FROM {table}", (), db)[0][0] for name, table in tables.items()}
            if without:
                found["timers"] -= self._rows(left_out, (*without,), db)[0][0]
            return found | dict(self._rows(types, (*without,), db))

    def stored_twice(self, typename: str, former: str) -> tuple[int, str] | None:
        """The number of entity ids that are stored under both function types, and the first one; None without any."""
        ((count, first),) = self._rows(
            "SELECT count(*), min(id) FROM entity AS one WHERE type = ? AND EXISTS "
            "(SELECT 1 FROM entity AS other WHERE other.type = ? AND other.id = one.id)",
            (former, typename),
        )
        return (count, first) if count else None

    def kept_for(self, typename: str) -> Kept:
        """The numbers of stored items of the function type *typename*. Reads all timers and dead letters."""
        with self._standing_still() as db:
            counts = [
                self._rows(f"SELECT count(*) FROM {table} WHERE type = ?", (typename,), db)[0][0]
                for table in ("entity", "message", "timer", "dead_letter")
            ]
        return Kept(*counts)

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        """Addresses of at most *limit* entity rows with ``expires_ms <= now_ms``, the longest expired first."""
        return [address_of(*row) for row in self._rows(EXPIRED, (now_ms, limit))]

    def _connection(self) -> sqlite3.Connection:
        raise NotImplementedError

    def _by_seq(self, table: str, columns: Sequence[str], seq: int = -1) -> Iterator[Any]:
        select = f"SELECT {listed(columns)} FROM {table} WHERE seq > ? ORDER BY seq LIMIT {PAGE}"
        while rows := self._rows(select, (seq,)):
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

    def _some(
        self, select: str, bound: Sequence[Any], row_of: Callable[..., _Row], most_bytes: int | None
    ) -> list[_Row]:
        """The rows of *select*, up to the first one with which they have *most_bytes* together."""
        if most_bytes is None:
            return [row_of(*row) for row in self._rows(select, bound)]
        try:
            with closing(self._connection().execute(select, bound)) as cursor:
                return up_to((row_of(*row) for row in cursor), most_bytes)
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise store_error(self.path, error) from error

    def _rows(self, select: str, bound: Sequence[Any] = (), db: sqlite3.Connection | None = None) -> list[Any]:
        try:
            return (db or self._connection()).execute(select, bound).fetchall()
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise store_error(self.path, error) from error
