"""``Epoch``: all changes since the last seal, in memory.

It has everything that a commit must write. Messages that were created and consumed inside it are not written. After its
seal it does not change: the next epoch runs while it is written, and is lost if that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.engine.callbacks import callback_failed
from statefun_actors.errors import StatefunActorsError
from statefun_actors.history import Recorded, Step
from statefun_actors.model import StateSpec
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRecord,
    EntityRow,
    KeyedRequest,
    Message,
    Timer,
    expires_ms,
    pack,
)


@attrs.define
class Counters:
    """Numbers of handled messages and their results; those of the engine include only durable epochs.

    It is not an instrument: each epoch needs it, and an engine without instruments builds no events.
    """

    handled: int = 0
    dead_letters: int = 0
    discarded: int = 0
    timers_fired: int = 0

    def take(self, other: Counters) -> None:
        """Add the numbers of *other*, and reset it."""
        self.handled += other.handled
        self.dead_letters += other.dead_letters
        self.discarded += other.discarded
        self.timers_fired += other.timers_fired
        other.handled = other.dead_letters = other.discarded = other.timers_fired = 0


class EpochLostError(StatefunActorsError):
    """The commit of this message failed, and nothing of it was stored. A retry can help.

    ``again``: the store refused the content of the epoch, because of this message or another one. The engine now runs
    them one by one, and entries for this epoch enter another one.
    """

    retryable = True

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.again = reason, again

    def __str__(self) -> str:
        return f"not stored, so send it again: {self.reason}"


class NotStorableError(StatefunActorsError):
    """The store refuses the content of this message, or a result of its handler. Retrying cannot help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the store refuses this message, or a value that its handler wrote or sent: {self.reason}. A retry can't "
            "help: change the handler or the sender."
        )


Lost: TypeAlias = EpochLostError | NotStorableError
"""The reason why a message was not stored."""


class Answered(Protocol):
    """A call from outside with its answer."""

    id: str

    def durable(self) -> None:
        """The answer is durable: give it to the callers."""
        ...


class Epoch:
    """The open epoch, or the one being written."""

    __slots__ = (
        "answered",
        "asks",
        "counters",
        "dead_letters",
        "dead_letters_done",
        "egress",
        "egress_done",
        "emptied",
        "entities",
        "grown",
        "history",
        "history_recorded",
        "messages",
        "messages_done",
        "noted",
        "number",
        "on_end",
        "positions",
        "removed",
        "requests",
        "requests_done",
        "steps",
        "timers",
        "timers_done",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.steps = 0
        self.counters = Counters()
        self.asks = 0
        """By how many the open asks have become more or fewer, known after the seal."""
        self.grown = 0
        """The growth of its entities in bytes, known after the seal."""
        self.entities: dict[Address, EntityRecord] = {}
        self.emptied: list[Address] = []
        """Entities without any state, known after the seal."""
        self.removed: dict[Address, None] = {}
        """Expired rows, which are deleted without being read."""
        self.messages: dict[int, Message] = {}
        self.messages_done: list[int] = []
        self.timers: dict[int, Timer] = {}
        self.timers_done: list[int] = []
        self.egress: list[EgressRecord] = []
        self.egress_done: list[int] = []
        self.dead_letters: list[DeadLetterEntry] = []
        self.dead_letters_done: list[int] = []
        self.history: list[Step] = []
        """What happened to its entities, if that is recorded."""
        self.history_recorded: Recorded | None = None
        """The rows of its history, known after the seal."""
        self.requests: dict[tuple[Address, str], KeyedRequest] = {}
        self.requests_done: dict[tuple[Address, str], None] = {}
        self.positions: dict[str, str] = {}
        self.answered: list[Answered] = []
        """Calls from outside whose answers are durable with this epoch."""
        self.noted = False
        """Whether it must be committed even if it writes nothing."""
        self.on_end: list[Callable[[Lost | None], object]] = []
        """Called with None after the commit; or, if this epoch is lost, with the reason."""

    @property
    def empty(self) -> bool:
        """Whether its commit would write nothing, and nothing waits for it."""
        return not (
            self.entities
            or self.removed
            or self.messages
            or self.messages_done
            or self.timers
            or self.timers_done
            or self.egress
            or self.egress_done
            or self.dead_letters
            or self.dead_letters_done
            or self.requests
            or self.requests_done
            or self.history
            or self.positions
            or self.answered
            or self.noted
            or self.on_end
        )

    def end(self, lost: Lost | None) -> None:
        """Make the calls of :attr:`on_end`."""
        for on_end in self.on_end:
            try:
                on_end(lost)
            except BaseException as error:
                callback_failed(error)

    def consume(self, seq: int) -> None:
        """The message *seq* was handled or given up."""
        if self.messages.pop(seq, None) is None:
            self.messages_done.append(seq)

    def seal(self, expiring: Mapping[str, tuple[StateSpec, ...]], next_seq: int) -> Commit:
        """The commit to write. *expiring* has the states of function types with states that expire."""
        rows = []
        grown = 0
        for address, record in self.entities.items():
            packed = pack(record)
            if packed is None:
                self.emptied.append(address)
                if not record.stored:
                    continue  # it was created and deleted within this epoch
            record.stored = True
            size = 0 if packed is None else len(packed)
            if address[0] == REPLY:
                self.asks += (size > 0) - (record.packed > 0)
            grown += size - record.packed
            record.packed = size
            declared = expiring.get(address[0]) if packed is not None else None
            rows.append(EntityRow(address, packed, None if declared is None else expires_ms(record, declared)))
        self.grown = grown
        rows += [EntityRow(address, None) for address in self.removed if address not in self.entities]
        recorded = self.history_recorded
        return Commit(
            entities=rows,
            messages=list(self.messages.values()),
            messages_done=self.messages_done,
            timers=list(self.timers.values()),
            timers_done=self.timers_done,
            egress=self.egress,
            egress_done=self.egress_done,
            dead_letters=self.dead_letters,
            dead_letters_done=self.dead_letters_done,
            history=() if recorded is None else recorded.rows,
            history_done=() if recorded is None else recorded.done,
            requests=list(self.requests.values()),
            requests_done=list(self.requests_done),
            positions=self.positions,
            next_seq=next_seq,
        )
