"""What the engine asks of a store: one write, a few reads. The memory store and the SQLite store both meet it.

The engine writes through :meth:`Store.commit` alone, one :class:`Commit` per epoch, all or nothing. Everything in a
commit is the *last* word of its epoch: what was created and consumed inside the epoch is not in it. Sequence numbers
come from one counter for messages, timers, egress records and dead letters, so they also give the order of birth.

Rules that every store keeps (``tests/store/store_checks.py`` holds them as tests):

- ``commit`` returns once the commit is durable, or raises and has changed nothing.
- A commit that can never succeed raises :class:`CommitRefusedError`: its rows are at fault, not the disk. A text that
  UTF-8 can't encode, a row larger than :attr:`Store.largest_row`, a value of another type than its column, a constraint
  that a row breaks. The next commit may succeed. A full disk, a lock of another program and an I/O error raise another
  StoreError, since a retry of the same commit can succeed.
- Only single rows are bounded: a commit of many rows may be larger than the largest row.
- Commits are applied in the order of their calls; the engine never calls ``commit`` again before the last one returned.
- Reads see whole commits only: while a commit is being written they see the state before it, afterwards the one after.
- ``load``, ``messages_to``, ``pending_timer``, ``request`` and ``egress_after`` may be called while a commit is being
  written, from the thread of the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import ClassVar, Final, Protocol

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import TypedValue
from statefun_actors.text import shortened

SHAPES: Final = "shape:"
"""With the name of a function type, the position that says how that looked at the last run."""


class StoreError(StatefunActorsError):
    """A store could not be opened, read or written. A retry can help once the cause named is gone."""

    retryable: ClassVar[bool] = True

    def __init__(self, store: str, reason: str, instead: str = "") -> None:
        super().__init__(store, reason, instead)
        self.store, self.reason, self.instead = store, reason, instead

    def __str__(self) -> str:
        return f"store {self.store}: {self.reason}{'. ' + self.instead if self.instead else ''}"


class DamagedStoreError(StoreError):
    """The file of a store is damaged. No retry helps: a backup does, or an export of what can still be read."""

    retryable: ClassVar[bool] = False

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(store, f"it is damaged: {reason}", "Go back to a backup.")
        self.args = (store, reason)


class CommitRefusedError(StoreError):
    """The store refuses what a commit holds. The same commit never succeeds; nothing of it was written."""

    retryable: ClassVar[bool] = False


class StoreInUseError(StoreError):
    """Another engine, or another command, has the store. A retry can help once that has ended.

    Args:
        store: its path.
        holder: who has it, such as ``process 17 since 2026-01-01T00:00:00Z``.
        door: the socket of its control door (:mod:`~statefun_actors.admin.control`), None without one.
        ending: its holder has said that it is about to end.
    """

    def __init__(self, store: str, holder: str, door: str | None = None, *, ending: bool = False) -> None:
        super().__init__(store, f"it is in use by {holder or 'another process'}", "Stop it first.")
        self.holder, self.door, self.ending = holder, door, ending


LARGEST_ROW: Final = 1_000_000_000
"""Bytes of the largest row that every store takes, all its columns together: the default limit of SQLite."""


class StoreTakenError(StoreError):
    """Another engine has taken over the store of one that still ran. No retry helps: the first one ends.

    Args:
        store: its path.
        owner: who has it now, such as ``process 17 on host-a since 2026-01-01T00:00:00Z``.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, store: str, owner: str) -> None:
        super().__init__(
            store,
            f"it has been taken over by {owner}, so this engine ends; nothing that was acknowledged is lost",
            "Run one engine on a store, and leave its lock file where it is.",
        )
        self.args = (store, owner)
        self.owner = owner


class StoreMismatchError(StoreError):
    """The files of a store don't belong together: a file was replaced, moved or deleted. No retry helps."""

    retryable: ClassVar[bool] = False


def unstorable_text(store: str, text: str) -> CommitRefusedError:
    """The error for a string that is no Unicode text: half a surrogate pair has no UTF-8."""
    shown = shortened(repr(text), 200)
    reason = f"{shown} can't be stored: it holds half a surrogate pair"
    return CommitRefusedError(store, reason, "Send valid Unicode text.")


class Message(Struct, frozen=True, gc=False):
    """A message that waits in its target's mailbox."""

    seq: int
    target: Address
    value: TypedValue
    caller: Address | None = None


class Timer(Struct, frozen=True, gc=False):
    """A delayed message; ``caller`` (its sender) owns the ``token``. ``due_ms``: milliseconds since 1970, UTC."""

    seq: int
    due_ms: int
    target: Address
    value: TypedValue
    caller: Address | None = None
    token: str | None = None


class EgressRecord(Struct, frozen=True, gc=False):
    """A record on its way out through an egress."""

    seq: int
    egress: str
    value: TypedValue


class DeadLetterEntry(Struct, frozen=True, gc=False):
    """A message that was given up, and why. ``time_ms``: milliseconds since 1970, UTC."""

    seq: int
    message: Message
    error_type: str
    error: str
    attempts: int
    time_ms: int


class RequestState(Enum):
    """What is known of a request."""

    TAKEN = "taken"
    """Its message is stored, and that is all that was asked for."""
    PENDING = "pending"
    """It waits for the end of its handler."""
    PENDING_REPLY = "pending reply"
    """It waits for a reply, from whomever."""
    HANDLED = "handled"
    REPLIED = "replied"
    GIVEN_UP = "given up"


class KeyedRequest(Struct, frozen=True, gc=False):
    """A request from outside that came with an idempotency key, and what it came to.

    Args:
        target: what the key is scoped to.
        digest: tells its message from others.
        time_ms: when it came, in milliseconds since 1970.
        request: the id under which it is the caller of its message.
        result: the reply, or why it was given up; None where there is none.
    """

    target: Address
    key: str
    digest: str
    time_ms: int
    request: str
    state: RequestState
    result: TypedValue | None = None

    @property
    def pending(self) -> bool:
        """Whether its result is still to come."""
        return self.state is RequestState.PENDING or self.state is RequestState.PENDING_REPLY


class EntityRow(Struct, frozen=True, gc=False):
    """One entity as stored: its packed state (None = the row goes away) and when it may be dropped unread."""

    address: Address
    packed: bytes | None
    expires_ms: int | None = None


class Commit(Struct, frozen=True):
    """What one epoch changes. An address or a seq stands in each list once; what is done goes before what is born."""

    entities: Sequence[EntityRow] = ()
    messages: Sequence[Message] = ()
    messages_done: Sequence[int] = ()
    timers: Sequence[Timer] = ()
    timers_done: Sequence[int] = ()
    egress: Sequence[EgressRecord] = ()
    egress_done: Sequence[int] = ()
    dead_letters: Sequence[DeadLetterEntry] = ()
    dead_letters_done: Sequence[int] = ()
    requests: Sequence[KeyedRequest] = ()
    requests_done: Sequence[tuple[Address, str]] = ()
    """By target and key."""
    positions: Mapping[str, str] = {}
    """How far each ingress has been read and each sink has been written, by name; JSON text of its owner's making."""
    next_seq: int = 1
    """Numbers from here on are free. It never goes back: the greatest of all commits counts."""


class Recovered(Struct, frozen=True):
    """What an engine needs to go on where the last one stopped."""

    next_seq: int
    positions: Mapping[str, str]


class Kept(Struct, frozen=True):
    """How much is stored of one function type: entities, and what is addressed to them."""

    entities: int
    messages: int
    timers: int
    dead_letters: int


class StoreReader(Protocol):
    """What can be read: from the engine's store, or from beside it."""

    def recover(self) -> Recovered:
        """The state as of the last commit."""
        ...

    def messages(self) -> Iterator[Message]:
        """All messages that wait, in the order of their seq."""
        ...

    def types(self) -> list[str]:
        """The function types that have entities, in order."""
        ...

    def messages_to(self, target: Address, after: int, limit: int) -> list[Message]:
        """At most *limit* messages that wait for *target* with a seq greater than *after*, in its order."""
        ...

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        """The packed state of each address, None where there is none."""
        ...

    def timers_after(self, due_ms: int, seq: int, limit: int) -> list[Timer]:
        """At most *limit* timers whose ``(due_ms, seq)`` is greater than the one given, in that order."""
        ...

    def pending_timer(self, owner: Address, token: str) -> Timer | None:
        """The timer that *owner* set with *token*; the newest, should there be several."""
        ...

    def egress_after(self, seq: int, limit: int, names: Iterable[str] | None = None) -> list[EgressRecord]:
        """At most *limit* records kept with a greater seq, oldest first; of the egresses *names* only, if given."""
        ...

    def egress_counts(self) -> Mapping[str, int]:
        """How many records are kept of each egress that has any. Looks at all of them."""
        ...

    def dead_letters(self) -> Iterator[DeadLetterEntry]:
        """All dead letters, oldest first."""
        ...

    def dead_letter(self, seq: int) -> DeadLetterEntry | None:
        """The dead letter of this number, None where there is none."""
        ...

    def request(self, target: Address, key: str) -> KeyedRequest | None:
        """What was asked of *target* under this key, None if nothing was."""
        ...

    def requests(self, *, pending: bool = False) -> Iterator[KeyedRequest]:
        """All requests that came with a key, or the *pending* ones, by target and key (by code point)."""
        ...

    def requests_before(self, time_ms: int, limit: int) -> list[KeyedRequest]:
        """At most *limit* requests that came at *time_ms* or earlier, oldest first."""
        ...

    def entities(self, typename: str, prefix: str = "") -> Iterator[EntityRow]:
        """The entities of one function type in the order of their ids (by code point), those with *prefix* only."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many ``messages``, ``timers``, ``egress``, ``dead_letters``, and entities of each function type."""
        ...

    def stored_twice(self, typename: str, former: str) -> tuple[int, str] | None:
        """How many entity ids are stored under both function types, and the first of them; None if none is."""
        ...

    def kept_for(self, typename: str) -> Kept:
        """How much is stored of the function type *typename*. Looks at all delayed messages and dead letters."""
        ...

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        """Addresses of at most *limit* entity rows with ``expires_ms <= now_ms``, the longest expired first.

        The engine commits their deletion.
        """
        ...

    def close(self) -> None:
        """Let go of the files. Safe to call twice."""
        ...


class Store(StoreReader, Protocol):
    """Durable memory of one engine."""

    def rename_types(self, renamed: Mapping[str, str]) -> None:
        """Move all that is stored under each key of *renamed* to its value, all or nothing, before an engine runs.

        Entities, messages and timers with their senders and tokens, dead letters, requests, positions of shapes. No
        entity may be stored under both names; of a request that is, the one under the new name stays.

        Raises:
            StoreError: nothing was moved.
        """
        ...

    @property
    def largest_row(self) -> int:
        """Bytes of the largest row that it takes, all its columns together; about, since each has an overhead."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Make *commit* durable, whole.

        Raises:
            CommitRefusedError: nothing was written, and this commit will never succeed; another one may.
            StoreError: nothing was written (disk full, store gone); the store can be used again once the cause is gone.
        """
        ...
