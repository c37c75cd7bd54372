"""``Mailbox``: the messages of one address in order, at most one batch of them in flight.

It is in one of four states:

========  ============================================  ==========================================
state     what it waits for                             where it is
========  ============================================  ==========================================
EMPTY     a message                                     nowhere; the object may serve another address
READY     its turn, or room for its handler             in one of the lines of ``Mailboxes``
RUNNING   the end of its batch                          with the runner
BACKOFF   the time of the next attempt, or a request    in the heap of retries
          of an operator to retry or drop the message
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
========  =======================================  =======================================================

A message that arrives at a mailbox that is not EMPTY goes behind the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final

from statefun_actors.address import Address
from statefun_actors.backoff import Backoff
from statefun_actors.store import Message

BACKOFF: Final = Backoff(0.1, 60.0)
"""Between the attempts of a message that keeps failing."""


class MailboxState(Enum):
    """See the table at the head of this file."""

    EMPTY = "empty"
    READY = "ready"
    RUNNING = "running"
    BACKOFF = "backoff"


class Mailbox:
    """One address: its messages in order, at most one batch of them in flight."""

    __slots__ = (
        "address",
        "attempts",
        "backoffs",
        "beyond",
        "error",
        "last",
        "next_ms",
        "one_by_one",
        "queue",
        "queued",
        "running",
        "suspect",
        "waits",
    )

    def __init__(self, address: Address) -> None:
        self.address = address
        self.queue: deque[Message] = deque()
        self.beyond = 0
        """How many messages there are behind those in the queue, which is full then."""
        self.last = 0
        """The number of the last message that was put in the queue."""
        self.running: Sequence[Message] = ()
        """The batch in flight."""
        self.queued = False
        """Whether it stands in the line of mailboxes that can run."""
        self.waits = False
        """Whether it waits out a backoff."""
        self.one_by_one = 0
        """How many of the next messages run in a batch of their own, to find the one at fault."""
        self.attempts = 0
        """How often its first message has failed."""
        self.backoffs = 0
        """How often it was put off for that."""
        self.suspect = 0
        """The number of a message that has failed as part of a batch, and will be tried alone; 0 = there is none."""
        self.error: BaseException | None = None
        """Why its first message failed last time."""
        self.next_ms = 0
        """While it waits out a backoff, when that is over."""

    @property
    def state(self) -> MailboxState:
        """Its state. The flags are what the hot path reads."""
        if self.running:
            return MailboxState.RUNNING
        if self.queued:
            return MailboxState.READY
        return MailboxState.BACKOFF if self.waits else MailboxState.EMPTY

    @property
    def waiting(self) -> int:
        """How many messages it has, those in flight included."""
        return len(self.running) + len(self.queue) + self.beyond

    def put_back(self) -> None:
        """Requeue the batch in flight: its messages are the next ones again."""
        self.queue.extendleft(reversed(self.running))
        self.running = ()

    def backoff(self) -> float:
        """Seconds until the next attempt of its first message, which has just failed."""
        self.attempts += 1
        self.backoffs += 1
        return BACKOFF.seconds(self.backoffs)
