"""``Mailbox``: the messages of one address in order, at most one batch of them in flight.

It is in one of five states:

========  ============================================  ==========================================
state     what it waits for                             where it is
========  ============================================  ==========================================
EMPTY     a message                                     nowhere; the object may serve another address
READY     its turn, or a free place for its handler     in one of the queues of ``Mailboxes``
RUNNING   the end of its batch                          with the runner
BACKOFF   the time of the next attempt, or a request    in ``Backoffs``
          of an operator to retry or drop the message
PAUSED    an operator who resumes its entity            in ``PausedMailboxes``
========  ============================================  ==========================================

These events change its state; all others leave it as it is:

========  =======================================  =======================================================
state     event                                    new state
========  =======================================  =======================================================
EMPTY     a message arrives                        READY
READY     its turn comes                           RUNNING
RUNNING   the batch succeeded or was given up      READY with more messages, EMPTY without
RUNNING   the batch was cancelled, or is divided   READY
RUNNING   its first message failed                 BACKOFF
BACKOFF   its time is over, or it is retried now   READY
READY,    its first message is dropped             READY with more messages, EMPTY without
BACKOFF
READY,    its entity is paused                     PAUSED
BACKOFF
PAUSED    its first message is dropped             PAUSED with more messages, EMPTY without
PAUSED    its entity is resumed                    READY
========  =======================================  =======================================================

A message that arrives at a mailbox that is not EMPTY goes behind the others. Where an event leads a mailbox of a paused
entity to READY or BACKOFF, it is PAUSED instead. A batch in flight is not interrupted by a pause.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.backoff import Backoff
from statefun_actors.store import Message
from statefun_actors.text import describe_error, describe_type

BACKOFF: Final = Backoff(0.1, 60.0)
"""The pauses between the attempts of a message that keeps failing."""


class MailboxState(Enum):
    """The state of a mailbox; see the table at the top of this file."""

    EMPTY = "empty"
    READY = "ready"
    RUNNING = "running"
    BACKOFF = "backoff"
    PAUSED = "paused"


class ErrorText(Struct, frozen=True):
    """What is shown of an error. The error itself would keep the local variables of its handler in memory."""

    error_type: str
    error: str

    @classmethod
    def of(cls, error: BaseException) -> ErrorText:
        """That of *error*."""
        return cls(describe_type(error), describe_error(error))

    @property
    def why(self) -> str:
        """The text, after the class of the error."""
        return f"{self.error_type}: {self.error}"


class Mailbox:
    """The messages of one address in order, at most one batch of them in flight."""

    __slots__ = (
        "address",
        "attempts",
        "backoffs",
        "began",
        "beyond",
        "error",
        "last",
        "next_ms",
        "one_by_one",
        "paused",
        "queue",
        "queued",
        "running",
        "since_ms",
        "stuck",
        "suspect",
        "waits",
    )

    def __init__(self, address: Address) -> None:
        self.address = address
        self.queue: deque[Message] = deque()
        self.beyond = 0
        """The number of further messages, which are only in the store, or in their epoch until that is durable."""
        self.last = 0
        """The seq of the last message before these."""
        self.running: Sequence[Message] = ()
        """The batch in flight."""
        self.began = 0.0
        """When that began, by ``time.perf_counter()``, if a history is recorded; else 0."""
        self.queued = False
        """Whether it is in the queue of mailboxes that can run."""
        self.stuck = False
        """Whether it can't run now: it waits for a free place, the end of a backoff, or the end of a pause."""
        self.waits = False
        """Whether it waits for the end of a backoff."""
        self.paused = False
        """Whether it waits until its entity is resumed."""
        self.one_by_one = 0
        """The number of next messages that run alone, to find the failing one."""
        self.attempts = 0
        """The number of failures of its first message."""
        self.backoffs = 0
        """The number of backoffs of its first message."""
        self.since_ms = 0
        """The time of the first of these."""
        self.suspect = 0
        """The seq of a message that failed in a batch, and will run alone; 0 = none."""
        self.error: ErrorText | None = None
        """The last error of its first message."""
        self.next_ms = 0
        """The end of the backoff, during one."""

    @property
    def state(self) -> MailboxState:
        """Its state. Hot paths read the flags instead."""
        if self.running:
            return MailboxState.RUNNING
        if self.paused:
            return MailboxState.PAUSED
        if self.waits:
            return MailboxState.BACKOFF
        return MailboxState.READY if self.queued or self.stuck else MailboxState.EMPTY

    @property
    def waiting(self) -> int:
        """The number of its messages, those in flight included."""
        return len(self.running) + len(self.queue) + self.beyond

    def put_back(self) -> None:
        """Put the messages of the batch in flight back to the front of the queue."""
        self.queue.extendleft(reversed(self.running))
        self.running = ()

    def backoff(self, now_ms: int) -> float:
        """The seconds until the next attempt of its first message, which has just failed, at *now_ms*."""
        if not self.backoffs:
            self.since_ms = now_ms
        self.attempts += 1
        self.backoffs += 1
        return BACKOFF.seconds(self.backoffs)
