"""The interface: what may be changed in a store from outside.

Every implementation keeps these rules (``tests/admin/control_checks.py`` holds them as tests):

- A call returns once its change is durable, or raises and has changed nothing, whatever the number of its items.
- Messages come to their targets in the order in which they were given.
- A dead letter that is retried is a new message, behind those that wait; its caller is that of the old one.
- A number that is given twice in one call counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.engine import FailingMessage
from statefun_actors.model import TypedValue


class Posting(Struct, frozen=True):
    """A message from outside, without a caller. ``delay_ms`` > 0: a delayed one."""

    target: Address
    value: TypedValue
    delay_ms: int = 0


class DeadLetterRetry(Struct, frozen=True):
    """The dead letter *seq* is to be tried again, with another ``value`` in place of its own if one is given."""

    seq: int
    value: TypedValue | None = None


class Control(Protocol):
    """Changes to a store, each of them durable on return and whole.

    Raises:
        StoreError, EpochLostError, ControlSocketError: it could not be done; the text says whether it may
            have been, after all.
        NotStorableError: the store refuses it; a retry fails, too.
    """

    async def send(self, postings: Sequence[Posting]) -> None:
        """Put messages into the mailboxes of their targets."""
        ...

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        """Make messages of dead letters again.

        Raises:
            NoDeadLetterError: one of them isn't there; the error names the first.
        """
        ...

    async def discard(self, seqs: Sequence[int]) -> None:
        """Forget dead letters.

        Raises:
            NoDeadLetterError: one of them isn't there; the error names the first.
        """
        ...

    async def answer(self, token: str, value: TypedValue) -> None:
        """Answer the open ask *token*, or the reply address of this id.

        Without an engine the next run hands the answer on.

        Raises:
            NotOpenError: it has been answered, its time is over, or it never was.
        """
        ...

    async def cancel_ask(self, token: str) -> None:
        """End the open ask *token*: its asker gets ``NoAnswer("failed", "cancelled")``.

        Without an engine the next run does this.

        Raises:
            NotOpenError: it has been answered, its time is over, or it never was.
        """
        ...

    async def failing(self) -> list[FailingMessage]:
        """The messages without a policy that keep failing, by their addresses; none where no engine runs."""
        ...

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        """Try the failing messages of *addresses* now. Without an engine the next run tries them anyway.

        Raises:
            NotFailingError: one of them has none; the error names the first.
        """
        ...

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        """Take the failing messages of *addresses* out of their mailboxes: into the dead letters, unless *discard*.

        Without an engine it is not known which messages fail: it is the first message that waits for each address.

        Raises:
            NotFailingError: one of them has none; the error names the first.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds. Safe to call twice."""
        ...
