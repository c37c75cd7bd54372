"""The store in memory, which is lost with its process: for tests, and for ``run --memory``.

It holds only immutable values (tuples, bytes, strings, frozen rows), so later changes of the engine to its own lists
and dictionaries do not affect it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Protocol, TypeVar

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.store.contract import LARGEST_ROW, SHAPES, ContentRenaming
from statefun_actors.store.memory_limits import check_storable
from statefun_actors.store.rows import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    HistoryRow,
    Kept,
    KeyedRequest,
    Message,
    Recovered,
    Timer,
)
from statefun_actors.store.sizes import up_to


class _HasSeq(Protocol):
    @property
    def seq(self) -> int: ...


_Row = TypeVar("_Row")
_Addressed = TypeVar("_Addressed", Message, Timer)
_Numbered = TypeVar("_Numbered", bound=_HasSeq)


class MemoryStore:
    """A store as durable as its process. ``close`` keeps the content, so it can be reopened.

    Args:
        largest_row: bytes of the largest row that it accepts, all columns together.
    """

    def __init__(self, *, largest_row: int = LARGEST_ROW) -> None:
        self._largest_row = largest_row
        self._entities: dict[str, dict[str, tuple[bytes, int | None]]] = {}
        self._messages: dict[int, Message] = {}
        self._to: dict[Address, dict[int, Message]] | None = None
        """The messages by target, once that was asked for."""
        self._timers: dict[int, Timer] = {}
        self._due: list[tuple[int, int]] = []
        self._by_token: dict[tuple[Address, str], set[int]] = {}
        self._egress: dict[int, EgressRecord] = {}
        self._dead_letters: dict[int, DeadLetterEntry] = {}
        self._history: dict[int, HistoryRow] = {}
        self._requests: dict[tuple[Address, str], KeyedRequest] = {}
        self._positions: dict[str, str] = {}
        self._next_seq = 1

    @property
    def path(self) -> None:
        """There is no file."""

    def announce(self, contact: str | None) -> None:
        """No other process can find this store."""

    @property
    def largest_row(self) -> int:
        return self._largest_row

    def recover(self) -> Recovered:
        return Recovered(self._next_seq, dict(self._positions))

    def messages_to(self, target: Address, after: int, limit: int, most_bytes: int | None = None) -> list[Message]:
        if self._to is None:
            self._to = {}
            for seq, message in self._messages.items():
                self._to.setdefault(message.target, {})[seq] = message
        found = _by_seq(self._to.get(target, {}))
        start = bisect_right(found, after, key=attrgetter("seq"))
        return up_to(found[start : start + limit], most_bytes)

    def messages(self) -> Iterator[Message]:
        return iter(_by_seq(self._messages))

    def types(self) -> list[str]:
        return sorted(self._entities)

    async def commit(self, commit: Commit) -> None:
        check_storable(commit, self._largest_row)
        for row in commit.entities:
            typename, id = row.address
            if row.packed is not None:
                self._entities.setdefault(typename, {})[id] = (row.packed, row.expires_ms)
            elif rows := self._entities.get(typename):
                rows.pop(id, None)
                if not rows:
                    del self._entities[typename]
        for seq in commit.timers_done:
            self._forget_timer(seq)
        for timer in commit.timers:
            if timer.seq in self._timers:
                self._forget_timer(timer.seq)
            self._keep_timer(timer)
        if self._to is not None:
            self._find_again(self._to, commit)
        _replace(self._messages, commit.messages_done, commit.messages)
        _replace(self._egress, commit.egress_done, commit.egress)
        _replace(self._dead_letters, commit.dead_letters_done, commit.dead_letters)
        _replace(self._history, commit.history_done, commit.history)
        for key in commit.requests_done:
            self._requests.pop(key, None)
        self._requests.update({(request.target, request.key): request for request in commit.requests})
        self._positions.update(commit.positions)
        self._next_seq = max(self._next_seq, commit.next_seq)

    def _find_again(self, to: dict[Address, dict[int, Message]], commit: Commit) -> None:
        for seq in (*commit.messages_done, *(message.seq for message in commit.messages)):
            if (message := self._messages.get(seq)) is not None and (found := to.get(message.target)) is not None:
                found.pop(seq, None)
                if not found:
                    del to[message.target]
        for message in commit.messages:
            to.setdefault(message.target, {})[message.seq] = message

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        rows = (self._entities.get(typename, {}).get(id) for typename, id in addresses)
        return [None if row is None else row[0] for row in rows]

    def timers_after(self, due_ms: int, seq: int, limit: int, most_bytes: int | None = None) -> list[Timer]:
        start = bisect_right(self._due, (due_ms, seq))
        return up_to((self._timers[seq] for _, seq in self._due[start : start + limit]), most_bytes)

    def pending_timer(self, owner: Address, token: str) -> Timer | None:
        seqs = self._by_token.get((owner, token))
        return self._timers[max(seqs)] if seqs else None

    def egress_after(self, seq: int, limit: int, names: Iterable[str] | None = None) -> list[EgressRecord]:
        wanted = None if names is None else set(names)
        found = (r for r in _by_seq(self._egress) if r.seq > seq and (wanted is None or r.egress in wanted))
        return list(islice(found, limit))

    def egress_counts(self) -> Mapping[str, int]:
        return Counter(record.egress for record in self._egress.values())

    def dead_letters(self, after: int = -1) -> Iterator[DeadLetterEntry]:
        return iter([letter for letter in _by_seq(self._dead_letters) if letter.seq > after])

    def dead_letter(self, seq: int) -> DeadLetterEntry | None:
        return self._dead_letters.get(seq)

    def history(self, key: str, before: int, limit: int) -> list[HistoryRow]:
        rows = (
            row
            for row in reversed(_by_seq(self._history))
            if row.seq < before and (not key or key in row.keys.split(" "))
        )
        return list(islice(rows, limit))

    def history_sizes(self) -> list[tuple[int, int]]:
        return [(row.seq, len(row.keys) + len(row.packed)) for row in _by_seq(self._history)]

    def request(self, target: Address, key: str) -> KeyedRequest | None:
        return self._requests.get((target, key))

    def requests(self, *, pending: bool = False) -> Iterator[KeyedRequest]:
        rows = (self._requests[key] for key in sorted(self._requests))
        return iter([row for row in rows if row.pending or not pending])

    def requests_before(self, time_ms: int, limit: int) -> list[KeyedRequest]:
        old = [request for request in self._requests.values() if request.time_ms <= time_ms]
        return sorted(old, key=lambda request: (request.time_ms, request.target, request.key))[:limit]

    def entities(self, typename: str, prefix: str = "", after: str | None = None) -> Iterator[EntityRow]:
        rows = self._entities.get(typename, {})
        ids = sorted(id for id in rows if id.startswith(prefix) and (after is None or id > after))
        return iter([EntityRow(Address(typename, id), *rows[id]) for id in ids])

    def counts(self, without: Collection[str] = ()) -> Mapping[str, int]:
        set_by = (timer.caller and timer.caller.typename for timer in self._timers.values())
        return {
            "messages": len(self._messages),
            "timers": sum(typename not in without for typename in set_by),
            "egress": len(self._egress),
            "dead_letters": len(self._dead_letters),
            **{name: len(rows) for name, rows in sorted(self._entities.items()) if name not in without},
        }

    def rename_types(self, renamed: Mapping[str, str], contents: ContentRenaming | None = None) -> None:
        def current(address: Address) -> Address:
            return Address(renamed.get(address.typename, address.typename), address.id)

        def moved(message: _Addressed) -> _Addressed:
            caller = None if message.caller is None else current(message.caller)
            return replace(message, target=current(message.target), caller=caller)

        for old, new in renamed.items():
            if (rows := self._entities.pop(old, None)) is not None:
                self._entities.setdefault(new, {}).update(rows)
            if (shape := self._positions.pop(f"{SHAPES}{old}", None)) is not None:
                self._positions.setdefault(f"{SHAPES}{new}", shape)
        for timer in list(self._timers.values()):
            self._forget_timer(timer.seq)
            self._keep_timer(moved(timer))
        self._messages, self._to = {seq: moved(message) for seq, message in self._messages.items()}, None
        for seq, letter in self._dead_letters.items():
            self._dead_letters[seq] = replace(letter, message=moved(letter.message))
        requests = sorted(self._requests.values(), key=lambda request: request.target.typename not in renamed)
        moved_requests = [replace(request, target=current(request.target)) for request in requests]
        self._requests = {(request.target, request.key): request for request in moved_requests}
        if contents is not None:
            self._rename_inside(contents)

    def _rename_inside(self, contents: ContentRenaming) -> None:
        types = contents.typenames
        for typename in types:
            before = [contents.entity(row) for row in self.entities(typename)]
            rows = {row.address.id: (row.packed, row.expires_ms) for row in before if row.packed is not None}
            if rows:
                self._entities[typename] = rows

        def concerned(message: Message | Timer) -> bool:
            return message.target.typename in types or (message.caller is not None and message.caller.typename in types)

        for timer in [timer for timer in self._timers.values() if concerned(timer)]:
            self._forget_timer(timer.seq)
            self._keep_timer(contents.timer(timer))
        for seq, message in self._messages.items():
            if concerned(message):
                self._messages[seq] = contents.message(message)
        for seq, letter in self._dead_letters.items():
            if concerned(letter.message):
                self._dead_letters[seq] = replace(letter, message=contents.message(letter.message))

    def stored_twice(self, typename: str, former: str) -> tuple[int, str] | None:
        both = self._entities.get(typename, {}).keys() & self._entities.get(former, {}).keys()
        return (len(both), min(both)) if both else None

    def kept_for(self, typename: str) -> Kept:
        messages, timers = self._messages.values(), self._timers.values()
        return Kept(
            len(self._entities.get(typename, {})),
            sum(message.target.typename == typename for message in messages),
            sum(timer.target.typename == typename for timer in timers),
            sum(letter.message.target.typename == typename for letter in self._dead_letters.values()),
        )

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        expired = sorted(
            (expires_ms, typename, id)
            for typename, rows in self._entities.items()
            for id, (_, expires_ms) in rows.items()
            if expires_ms is not None and expires_ms <= now_ms
        )
        return [Address(typename, id) for _, typename, id in expired[:limit]]

    def close(self) -> None:
        pass

    def _keep_timer(self, timer: Timer) -> None:
        self._timers[timer.seq] = timer
        due = self._due
        if due and (timer.due_ms, timer.seq) < due[-1]:
            insort(due, (timer.due_ms, timer.seq))
        else:
            due.append((timer.due_ms, timer.seq))
        if timer.caller is not None and timer.token is not None:
            self._by_token.setdefault((timer.caller, timer.token), set()).add(timer.seq)

    def _forget_timer(self, seq: int) -> None:
        timer = self._timers.pop(seq, None)
        if timer is None:
            return
        del self._due[bisect_right(self._due, (timer.due_ms, seq)) - 1]
        if timer.caller is not None and timer.token is not None:
            owned = self._by_token[timer.caller, timer.token]
            owned.discard(seq)
            if not owned:
                del self._by_token[timer.caller, timer.token]


def _by_seq(rows: dict[int, _Row]) -> list[_Row]:
    return [rows[seq] for seq in sorted(rows)]


def _replace(rows: dict[int, _Numbered], done: Iterable[int], born: Iterable[_Numbered]) -> None:
    for seq in done:
        rows.pop(seq, None)
    for row in born:
        rows[row.seq] = row
