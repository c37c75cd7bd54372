"""Messages without a failure policy that keep failing.

Such a message is retried with a backoff, and the other messages of its address wait behind it. Only the running engine
counts its failures: a restart resets the count.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.engine.mailbox import Mailbox, MailboxState
from statefun_actors.errors import StatefunActorsError
from statefun_actors.store import Message


class NotFailingError(StatefunActorsError, LookupError):
    """No message of this address is failing; or it is being handled right now, and a retry can help."""

    def __init__(self, address: Address, reason: str) -> None:
        super().__init__(address, reason)
        self.address, self.reason = address, reason

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}. `statefun-actors failing` lists the messages that are failing."


class DroppedError(StatefunActorsError):
    """The error in the dead letter of a message that an operator dropped."""

    def __str__(self) -> str:
        return "dropped by `statefun-actors failing drop`"


class FailingMessage(Struct, frozen=True):
    """The first message of an address, if it keeps failing.

    Args:
        attempts: the number of failures since the engine started.
        next_ms: the time of the next attempt, in milliseconds since 1970; None during an attempt.
        behind: the number of messages of the same address that wait behind it.
        paused: whether its entity is paused, so that there is no next attempt until that is resumed.
        since_ms: the time of its first failure since the engine started, in milliseconds since 1970; None: an older
            version reports it.
    """

    message: Message
    attempts: int
    error_type: str
    error: str
    next_ms: int | None
    behind: int
    paused: bool = False
    since_ms: int | None = None

    @property
    def why(self) -> str:
        """Its last error, with the class of the error."""
        return f"{self.error_type}: {self.error}"

    def describe(self, now_ms: int) -> str:
        """A description in one sentence, without the message."""
        if self.paused:
            when = "its entity is paused"
        elif self.next_ms is None:
            when = "it is being tried again now"
        else:
            when = f"next attempt in {max(0, self.next_ms - now_ms) / 1000:.3g} s"
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        behind = f"; {self.behind} more wait behind it" if self.behind else ""
        return f"the first message of {self.message.target} has failed {times}, last with {self.why}; {when}{behind}"


def failing_message(mailbox: Mailbox, first: Callable[[Mailbox], Message]) -> FailingMessage | None:
    """The first message of *mailbox*, if it keeps failing; *first* returns that."""
    if not mailbox.attempts or mailbox.error is None:
        return None
    error = mailbox.error
    return FailingMessage(
        first(mailbox),
        mailbox.attempts,
        error.error_type,
        error.error,
        mailbox.next_ms if mailbox.state is MailboxState.BACKOFF else None,
        mailbox.waiting - 1,
        mailbox.paused,
        mailbox.since_ms,
    )
