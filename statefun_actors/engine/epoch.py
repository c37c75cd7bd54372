"""One epoch: everything that happened since the last seal, still only in memory.

It keeps what has to be written if the process is to forget everything else. What was created and consumed inside it
cancels out. Once sealed it does not change: the next epoch runs while it is being written, and falls with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import attrs

from statefun_actors.address import Address
from statefun_actors.errors import StatefunActorsError
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
    resize,
)


@attrs.define
class Counters:
    """What was done with messages; of the engine, as far as it is durable.

    It is no instrument: each epoch needs it anyway, and an engine without instruments builds no events.
    """

    handled: int = 0
    dead_letters: int = 0
    discarded: int = 0
    timers_fired: int = 0

    def take(self, other: Counters) -> None:
        """Count what *other* counts, which begins anew."""
        self.handled += other.handled
        self.dead_letters += other.dead_letters
        self.discarded += other.discarded
        self.timers_fired += other.timers_fired
        other.handled = other.dead_letters = other.discarded = other.timers_fired = 0


class EpochLostError(StatefunActorsError):
    """The commit that held this message failed, and nothing of it happened. A retry can help.

    ``again``: the store refused what some message of the epoch brought, this one or another. The engine runs them one
    by one now, and what was to enter this epoch enters another one.
    """

    retryable = True

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.again = reason, again

    def __str__(self) -> str:
        return f"not stored, so send it again: {self.reason}"


class NotStorableError(StatefunActorsError):
    """The store refuses what this message holds or what its handler made of it. Retrying cannot help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the store refuses this message, or what its handler wrote or sent: {self.reason}. A retry can't help: "
            "the handler, or the sender, has to write something else."
        )


Lost: TypeAlias = EpochLostError | NotStorableError
"""Why what was to be stored is not."""


class Answered(Protocol):
    """A call from outside whose answer is known."""

    id: str

    def durable(self) -> None:
        """The answer is durable."""
        ...


class Epoch:
    """The open epoch, or the one being written."""

    __slots__ = (
        "answered",
        "counters",
        "dead_letters",
        "dead_letters_done",
        "egress",
        "egress_done",
        "entities",
        "grown",
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
        self.grown = 0
        """By how many bytes its entities have grown, once it is sealed."""
        self.entities: dict[Address, EntityRecord] = {}
        self.removed: dict[Address, None] = {}
        """Rows to be deleted unread, because they have expired."""
        self.messages: dict[int, Message] = {}
        self.messages_done: list[int] = []
        self.timers: dict[int, Timer] = {}
        self.timers_done: list[int] = []
        self.egress: list[EgressRecord] = []
        self.egress_done: list[int] = []
        self.dead_letters: list[DeadLetterEntry] = []
        self.dead_letters_done: list[int] = []
        self.requests: dict[tuple[Address, str], KeyedRequest] = {}
        self.requests_done: dict[tuple[Address, str], None] = {}
        self.positions: dict[str, str] = {}
        self.answered: list[Answered] = []
        """Calls from outside whose answers are durable with this epoch."""
        self.noted = False
        """Whether it has to be committed although it may write nothing."""
        self.on_end: list[Callable[[Lost | None], object]] = []
        """Called after that with None; or, if this epoch is lost, with why."""

    @property
    def empty(self) -> bool:
        """Whether a commit of it would write nothing, and nothing waits for one."""
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
            or self.positions
            or self.answered
            or self.noted
            or self.on_end
        )

    def consume(self, seq: int) -> None:
        """The message *seq* is dealt with."""
        if self.messages.pop(seq, None) is None:
            self.messages_done.append(seq)

    def seal(self, expiring: Mapping[str, tuple[StateSpec, ...]], next_seq: int) -> Commit:
        """What has to be written. *expiring* has the states of the function types of which any expires."""
        rows = []
        grown = 0
        for address, record in self.entities.items():
            packed = pack(record)
            grown += resize(record, packed)
            declared = expiring.get(address[0]) if packed is not None else None
            rows.append(EntityRow(address, packed, None if declared is None else expires_ms(record, declared)))
        self.grown = grown
        rows += [EntityRow(address, None) for address in self.removed if address not in self.entities]
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
            requests=list(self.requests.values()),
            requests_done=list(self.requests_done),
            positions=self.positions,
            next_seq=next_seq,
        )
