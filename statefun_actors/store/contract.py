"""The contract between the engine and a store: one write, a few reads. The memory and SQLite stores implement it.

The engine writes only through :meth:`Store.commit`, one atomic :class:`Commit` per epoch. A commit contains the net
changes of its epoch: what was created and consumed inside the epoch is not in it. Messages, timers, egress records and
dead letters share one counter of sequence numbers, so these also give the order of creation.

Rules for every store (``tests/store/store_checks.py`` tests them):

- ``commit`` returns after the commit is durable, or raises and has changed nothing.
- A commit that can never succeed raises :class:`CommitRefusedError`: its rows are invalid, not the disk. A text that
  UTF-8 can't encode, a row larger than :attr:`Store.largest_row`, a value of another type than its column, a violated
  constraint. The next commit may succeed. A full disk, a lock of another program and an I/O error raise another
  StoreError, since a retry of the same commit can succeed.
- Only single rows are bounded: a commit of many rows may be larger than the largest row.
- Commits are applied in the order of the calls; the engine does not call ``commit`` before the last call has returned.
- Reads see whole commits only: during a commit they see the state before it, afterwards the state after it.
- ``load``, ``messages_to``, ``pending_timer``, ``request`` and ``egress_after`` may be called during a commit, from the
  thread of the event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from statefun_actors.address import Address
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

SHAPES: Final = "shape:"
"""Prefix of positions: with the name of a function type, the position that holds its shape at the last run."""


PARTITION: Final = "partition"
"""The position that says which partition of which system the store is; other stores don't have it."""


FORMER_CALLERS: Final = "former-callers"
"""The position, in each partition of a system that was imported, that says where callers from before wait: a JSON
object of partitions by id. They have sent messages with an idempotency key, and get their answer under that."""


LARGEST_ROW: Final = 1_000_000_000
"""Bytes of the largest row that every store accepts, all columns together: the default limit of SQLite."""


class ContentRenaming(Protocol):
    """Renames the addresses inside what certain function types keep, send and are sent."""

    @property
    def typenames(self) -> Collection[str]:
        """These function types."""
        ...

    def entity(self, row: EntityRow) -> EntityRow:
        """*row* of one of them. All of these are given before messages are."""
        ...

    def message(self, message: Message) -> Message:
        """*message* to or from one of them."""
        ...

    def timer(self, timer: Timer) -> Timer:
        """*timer* to or from one of them."""
        ...


class StoreReader(Protocol):
    """Read access to a store, for its engine and for tools."""

    def recover(self) -> Recovered:
        """The state as of the last commit."""
        ...

    def messages(self) -> Iterator[Message]:
        """All pending messages, in the order of their seq."""
        ...

    def types(self) -> list[str]:
        """The function types that have entities, in order."""
        ...

    def messages_to(self, target: Address, after: int, limit: int, most_bytes: int | None = None) -> list[Message]:
        """At most *limit* pending messages of *target* with a seq greater than *after*, in its order.

        They end with the first one with which they have *most_bytes* together (:func:`~.sizes.size_of`).
        """
        ...

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        """The packed state of each address; None if it has none."""
        ...

    def timers_after(self, due_ms: int, seq: int, limit: int, most_bytes: int | None = None) -> list[Timer]:
        """At most *limit* timers after ``(due_ms, seq)``, in that order.

        They end with the first one with which they have *most_bytes* together (:func:`~.sizes.size_of`).
        """
        ...

    def pending_timer(self, owner: Address, token: str) -> Timer | None:
        """The timer that *owner* set with *token*; the newest if there are several."""
        ...

    def egress_after(self, seq: int, limit: int, names: Iterable[str] | None = None) -> list[EgressRecord]:
        """At most *limit* records with a seq greater than *seq*, oldest first; only of the egresses *names*, if
        given.
        """
        ...

    def egress_counts(self) -> Mapping[str, int]:
        """The number of records of each egress that has any. Reads all of them."""
        ...

    def dead_letters(self, after: int = -1) -> Iterator[DeadLetterEntry]:
        """The dead letters with a seq greater than *after*, oldest first."""
        ...

    def dead_letter(self, seq: int) -> DeadLetterEntry | None:
        """The dead letter with this number; None if there is none."""
        ...

    def history(self, key: str, before: int, limit: int) -> list[HistoryRow]:
        """At most *limit* rows of the history with *key* (empty: any) and a seq less than *before*, newest first."""
        ...

    def history_sizes(self) -> list[tuple[int, int]]:
        """The seq and the number of bytes of each row of the history, oldest first."""
        ...

    def request(self, target: Address, key: str) -> KeyedRequest | None:
        """The request to *target* with this key; None if there is none."""
        ...

    def requests(self, *, pending: bool = False) -> Iterator[KeyedRequest]:
        """All requests with a key, or only the *pending* ones, ordered by target and key (by code point)."""
        ...

    def requests_before(self, time_ms: int, limit: int) -> list[KeyedRequest]:
        """At most *limit* requests that arrived at *time_ms* or earlier, oldest first."""
        ...

    def entities(self, typename: str, prefix: str = "", after: str | None = None) -> Iterator[EntityRow]:
        """The entities of one function type ordered by id (by code point).

        Only those whose ids begin with *prefix*, and come after the id *after*, if one is given.
        """
        ...

    def counts(self, without: Collection[str] = ()) -> Mapping[str, int]:
        """The numbers of ``messages``, ``timers``, ``egress``, ``dead_letters``, and of entities of each function
        type.

        Entities of the function types *without* and the timers that these have set are left out.
        """
        ...

    def stored_twice(self, typename: str, former: str) -> tuple[int, str] | None:
        """The number of entity ids that are stored under both function types, and the first one; None without any."""
        ...

    def kept_for(self, typename: str) -> Kept:
        """The numbers of stored items of the function type *typename*. Reads all timers and dead letters."""
        ...

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        """Addresses of at most *limit* entity rows with ``expires_ms <= now_ms``, the longest expired first.

        The engine commits their deletion.
        """
        ...

    def close(self) -> None:
        """Close the files. Safe to call twice.

        Raises:
            StoreError: of a store to write: its files are no longer the ones that it opened, or can't be checked. They
                are closed, and were left as they are.
        """
        ...


class Store(StoreReader, Protocol):
    """The store of one engine, durable unless it is in memory."""

    @property
    def path(self) -> Path | None:
        """Its file, as it was named; None for a store in memory, which ends with its process."""
        ...

    def announce(self, contact: str | None) -> None:
        """Publish the address of the engine on this store, for processes that find it in use.

        Args:
            contact: opaque to the store, such as the path of a socket. None: the engine is shutting down.

        Raises:
            OSError: it can't be written.
        """
        ...

    def rename_types(self, renamed: Mapping[str, str], contents: ContentRenaming | None = None) -> None:
        """Move all that is stored under each key of *renamed* to its value, all or nothing, before an engine runs.

        That is: entities, messages and timers with their senders and tokens, dead letters, requests, positions of
        shapes. No entity may be stored under both names; of a request that is, the one under the new name is kept.
        Then *contents* renames inside values; of two entities that get one address, the one that has it already stays.

        Raises:
            StoreError: nothing was moved.
        """
        ...

    @property
    def largest_row(self) -> int:
        """Bytes of the largest row that it accepts, all columns together; approximate, since columns have an
        overhead.
        """
        ...

    async def commit(self, commit: Commit) -> None:
        """Make *commit* durable, all or nothing.

        Raises:
            CommitRefusedError: nothing was written, and this commit will never succeed; another one may.
            StoreError: nothing was written (disk full, store gone); the store works again after the cause is resolved.
        """
        ...
