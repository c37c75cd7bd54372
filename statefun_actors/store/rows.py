"""The records of a store: messages, timers, egress records, dead letters, requests, entities, and commits of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.model import Headers, TypedValue


class Message(Struct, frozen=True, gc=False):
    """A message in its target's mailbox. ``headers``: of its record in Kafka, for instance; None if it has none."""

    seq: int
    target: Address
    value: TypedValue
    caller: Address | None = None
    headers: Headers | None = None


class Timer(Struct, frozen=True, gc=False):
    """A delayed message; ``caller`` (its sender) owns the ``token``. ``due_ms``: milliseconds since 1970, UTC."""

    seq: int
    due_ms: int
    target: Address
    value: TypedValue
    caller: Address | None = None
    token: str | None = None
    headers: Headers | None = None


class EgressRecord(Struct, frozen=True, gc=False):
    """A pending record of an egress. ``headers``: those of an instrument that traces; None without any."""

    seq: int
    egress: str
    value: TypedValue
    headers: Headers | None = None


class DeadLetterEntry(Struct, frozen=True, gc=False):
    """A message that was given up, with its error. ``time_ms``: milliseconds since 1970, UTC."""

    seq: int
    message: Message
    error_type: str
    error: str
    attempts: int
    time_ms: int


class RequestState(Enum):
    """The state of a request."""

    TAKEN = "taken"
    """Its message is stored, which is all that its client requested."""
    PENDING = "pending"
    """Its handler has not finished."""
    PENDING_REPLY = "pending reply"
    """It waits for a reply, from any sender."""
    HANDLED = "handled"
    REPLIED = "replied"
    GIVEN_UP = "given up"


class KeyedRequest(Struct, frozen=True, gc=False):
    """A request from outside with an idempotency key, and its result.

    Args:
        target: the scope of the key.
        digest: identifies its message.
        time_ms: time of arrival, milliseconds since 1970.
        request: the id that is the caller of its message.
        result: the reply, or the reason why it was given up; None if there is none.
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
        """Whether it has no result yet."""
        return self.state is RequestState.PENDING or self.state is RequestState.PENDING_REPLY


class HistoryRow(Struct, frozen=True, gc=False):
    """A part of the history of all entities, in the format of its recorder.

    Args:
        seq: orders the rows; it is not one of the numbers of messages.
        keys: what :meth:`StoreReader.history` finds it by, separated by blanks.
        packed: its entries.
        partition: the one that it is of, if it was read from several, *partitions*. Numbers in its entries are those of
            that store: the number ``n`` is shown as ``n * partitions + partition``, as *seq* is.
    """

    seq: int
    keys: str
    packed: bytes
    partition: int = 0
    partitions: int = 1


class EntityRow(Struct, frozen=True, gc=False):
    """A stored entity: its packed state (None deletes the row), and the time after which it may be dropped unread."""

    address: Address
    packed: bytes | None
    expires_ms: int | None = None


class Commit(Struct, frozen=True):
    """The changes of one epoch. Each list has an address or seq at most once; deletions are applied before
    additions.
    """

    entities: Sequence[EntityRow] = ()
    messages: Sequence[Message] = ()
    messages_done: Sequence[int] = ()
    timers: Sequence[Timer] = ()
    timers_done: Sequence[int] = ()
    egress: Sequence[EgressRecord] = ()
    egress_done: Sequence[int] = ()
    dead_letters: Sequence[DeadLetterEntry] = ()
    dead_letters_done: Sequence[int] = ()
    history: Sequence[HistoryRow] = ()
    history_done: Sequence[int] = ()
    requests: Sequence[KeyedRequest] = ()
    requests_done: Sequence[tuple[Address, str]] = ()
    """By target and key."""
    positions: Mapping[str, str] = {}
    """The positions of sources and sinks by name; each is JSON text of its owner."""
    next_seq: int = 1
    """Numbers from here on are free. It never decreases: the greatest of all commits counts."""


class Recovered(Struct, frozen=True):
    """The state that an engine needs to resume."""

    next_seq: int
    positions: Mapping[str, str]


class Kept(Struct, frozen=True):
    """The number of stored entities of one function type, and of messages, timers and dead letters for them."""

    entities: int
    messages: int
    timers: int
    dead_letters: int
