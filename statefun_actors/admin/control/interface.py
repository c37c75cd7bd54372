"""The interface for changes of a store from outside.

Every implementation keeps these rules (``tests/admin/control_checks.py`` holds them as tests):

- A call returns once its change is durable, or raises and has changed nothing, with any number of items.
- Messages reach their targets in the given order.
- A retried dead letter is a new message, behind those in the mailbox; it keeps its caller.
- A number that is repeated in one call counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.admin.control.engine_state import EngineState
from statefun_actors.engine import FailingMessage
from statefun_actors.model import StateSpec, TypedValue
from statefun_actors.store import PauseTarget


class Posting(Struct, frozen=True):
    """A message from outside, without a caller. ``delay_ms`` > 0: a delayed one."""

    target: Address
    value: TypedValue
    delay_ms: int = 0


class DeadLetterRetry(Struct, frozen=True):
    """A retry of the dead letter *seq*, with another ``value`` if one is given."""

    seq: int
    value: TypedValue | None = None


class TimerKey(Struct, frozen=True):
    """A delayed message: when it is due, in milliseconds since 1970, and its number."""

    due_ms: int
    seq: int


class FieldEdit(Struct, frozen=True):
    """A state of an entity, and what it becomes. None: absent.

    Args:
        before: what it must still be.
        states: all states of the class, for a store without an engine.
    """

    address: Address
    state: str
    value: TypedValue | None
    before: TypedValue | None
    states: tuple[StateSpec, ...] = ()


class Control(Protocol):
    """Changes to a store, each of them durable on return and whole.

    Raises:
        StoreError, EpochLostError, ControlSocketError: the change failed; the text says whether it may have been
            made.
        NotStorableError: the store refuses it; a retry fails, too.
    """

    async def send(self, postings: Sequence[Posting]) -> None:
        """Put messages into the mailboxes of their targets."""
        ...

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        """Retry dead letters, as new messages.

        Raises:
            NoDeadLetterError: one of them doesn't exist; the error names the first.
        """
        ...

    async def discard(self, seqs: Sequence[int]) -> None:
        """Delete dead letters.

        Raises:
            NoDeadLetterError: one of them doesn't exist; the error names the first.
        """
        ...

    async def fire_timers(self, timers: Sequence[TimerKey]) -> None:
        """Deliver delayed messages now. Without an engine, the next run delivers them.

        Raises:
            NoTimerError: one of them doesn't exist, or is one of the library's own; the error names the first.
        """
        ...

    async def cancel_timers(self, timers: Sequence[TimerKey]) -> None:
        """Delete delayed messages. Raises as :meth:`fire_timers` does."""
        ...

    async def set_field(self, edit: FieldEdit) -> None:
        """Set a state of an entity.

        Raises:
            NotSetError: it has changed since, or a message of the entity is being handled.
            DamagedStateError: the stored entity can't be read.
        """
        ...

    async def answer(self, token: str, value: TypedValue) -> None:
        """Answer the open ask *token*, or the reply address of this id.

        Without an engine, the next run delivers the answer.

        Raises:
            NotOpenError: it is answered, expired or unknown.
        """
        ...

    async def cancel_ask(self, token: str) -> None:
        """End the open ask *token*: its asker gets ``NoAnswer("failed", "cancelled")``.

        Without an engine, the next run does this.

        Raises:
            NotOpenError: it is answered, expired or unknown.
        """
        ...

    async def failing(self) -> list[FailingMessage]:
        """The messages without a policy that keep failing, by address; none without an engine."""
        ...

    async def state(self) -> EngineState:
        """What the engine holds in memory; of several partitions, all together."""
        ...

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        """Try the failing messages of *addresses* now. Without an engine, the next run tries them anyway.

        Raises:
            NotFailingError: one of them has no failing message, or is paused; the error names the first.
        """
        ...

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        """Take the failing messages of *addresses* out of their mailboxes: into the dead letters, unless *discard*.

        Without an engine, failures are not known: the first message of each address is taken.

        Raises:
            NotFailingError: one of them has no failing message; the error names the first.
        """
        ...

    async def pause(self, targets: Sequence[PauseTarget]) -> None:
        """Pause entities and function types: their messages wait, also after a restart, until :meth:`resume`.

        What is paused already stays so.
        """
        ...

    async def resume(self, targets: Sequence[PauseTarget]) -> None:
        """Resume entities and function types. Without an engine, the next run handles their messages.

        Raises:
            NotPausedError: one of them is not paused; the error names the first.
        """
        ...

    async def close(self) -> None:
        """Release its resources. Safe to call twice."""
        ...
