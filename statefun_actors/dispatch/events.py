"""The events of instruments: one frozen value each, so that a new field breaks no instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation, MessageFailure, Outcome

MessageSource: TypeAlias = Literal["ingress", "file", "kafka", "source", "send", "timer"]
"""Where a message came from: ``ingress`` is HTTP, a call of a runtime, or an operator; ``source`` is any other Source;
``send`` is another entity or function; ``timer`` is a delayed message that became due."""


class MessageTaken(Struct, frozen=True):
    """A message entered a mailbox of the engine. It is durable once its epoch is committed.

    ``caller`` is None if it has no sender.
    """

    target: Address
    message_type: str
    source: MessageSource
    caller: Address | None


class HandlerStarted(Struct, frozen=True):
    """A handler starts with ``invocation``, whose bytes are decoded next. ``attempt`` counts from 1."""

    target: Address
    handler: str
    invocation: Invocation
    attempt: int

    @property
    def message_type(self) -> str:
        """The typename of the message."""
        return self.invocation.argument.typename


class HandlerEnded(Struct, frozen=True):
    """A handler ended; ``error`` is None if it returned.

    ``seconds`` is the time since its start, waits included. For a class with a failure policy it includes the encoding
    of the fields that changed. ``error`` is a CancelledError if the engine stopped the batch, which then never ran.
    """

    target: Address
    handler: str
    invocation: Invocation
    attempt: int
    seconds: float
    error: BaseException | None

    @property
    def message_type(self) -> str:
        """The typename of the message."""
        return self.invocation.argument.typename


class BatchEnded(Struct, frozen=True):
    """A batch ended. ``batch`` has the state before it, ``outcome`` the effects and changes; None: it was stopped.

    ``error`` is why the whole batch failed, None if it did not; ``failures`` are messages that their failure policies
    gave up while the others ran.
    """

    batch: Batch
    outcome: Outcome | None
    seconds: float
    error: BaseException | None
    failures: Sequence[MessageFailure]

    @property
    def target(self) -> Address:
        """The address whose messages ran."""
        return self.batch.target

    @property
    def size(self) -> int:
        """The number of messages."""
        return len(self.batch.invocations)


class EpochCommitted(Struct, frozen=True):
    """An epoch of the embedded engine became durable.

    An epoch without changes counts its messages, too, but is not written: ``seconds`` is 0.
    """

    messages: int
    """Messages handled in it."""
    entities: int
    """Entities whose state it wrote."""
    egress: int
    """Egress records that it wrote."""
    timers_fired: int
    """Delayed messages that became due in it."""
    dead_letters: int
    """Messages that became dead letters in it."""
    discarded: int
    """Messages that their failure policies discarded in it."""
    waiting: int
    """Messages in all mailboxes when it was durable."""
    seconds: float
    """How long the store took to commit it."""
    egress_waiting: Mapping[str, int] = {}
    """The durable records that the sink of each egress has not written, by egress."""
    paused: int = 0
    """Entities and function types that were paused then."""
    asks: int | None = None
    """Asks that were open then; None if no instrument listened to this when the engine began."""


class TimerFired(Struct, frozen=True):
    """A delayed message became due, ``late_by`` seconds ago, and is taken now."""

    target: Address
    message_type: str
    late_by: float


class EgressDelivered(Struct, frozen=True):
    """The sink of ``egress`` wrote this number of ``records``; ``failing``: others can't be written at present."""

    egress: str
    records: int
    failing: bool = False


class EgressFailed(Struct, frozen=True):
    """The sink of ``egress`` can't write at present; its records are kept, and it is retried."""

    egress: str
    reason: str


class LoopHeld(Struct, frozen=True):
    """A step of ``handler`` held the event loop for ``seconds``, more than 0.1."""

    handler: str
    seconds: float


class ReplyDropped(Struct, frozen=True):
    """A reply of ``handler`` was dropped, because its message had no caller."""

    handler: str


class RepliedToItself(Struct, frozen=True):
    """A value that ``handler`` returned is a reply to its own entity."""

    handler: str


class MessageRefused(Struct, frozen=True):
    """A message from outside was refused, because ``handler`` is internal and has no failure policy.

    Or an entity was not restored; ``handler`` is ``<function type> (restore)`` then.
    """

    handler: str


class Responded(Struct, frozen=True):
    """The HTTP ingress responds to a request, with this HTTP ``status``."""

    status: int


class RecordProduced(Struct, frozen=True):
    """A gateway wrote a record to ``topic``, or could not write it.

    ``outcome`` is ``acknowledged``; or ``refused``, where no retry helps; ``not taken``; or ``unknown``, where the
    brokers did not answer in time.
    """

    topic: str
    outcome: str


class CallBegun(Struct, frozen=True):
    """A gateway waits for an answer of the Flink job. It waits for ``waiting`` answers now."""

    waiting: int


class CallEnded(Struct, frozen=True):
    """A gateway has the answer to a call, after ``seconds``, and waits for ``waiting`` others.

    ``outcome`` is ``replied``, ``handled`` (without a reply), ``taken``, ``given up``, ``key reused``, ``not open``,
    ``not taken`` or ``lost``; or ``none`` if the wait ended before: its time was over, or the client has gone.
    """

    outcome: str
    seconds: float
    waiting: int


class ReplyForwarded(Struct, frozen=True):
    """A gateway has the answer to a reply from outside to an open ask.

    ``outcome`` is ``taken``, ``not open``, ``unfit``, ``given up``, ``key reused``, ``not taken`` or ``lost``.
    """

    outcome: str
