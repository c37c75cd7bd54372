"""What a case sees of an engine.

A case hands messages to addresses and looks at what came of it: states, messages to addresses that nobody serves
(``probe/...``), egress records, pending delayed messages, errors. What an engine cannot do is in its ``cannot``.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

import attrs

from statefun_actors import Address, Settings
from statefun_actors.model import State
from statefun_actors.types import Codec, value_of


class Can(enum.Enum):
    """What a case may need of an engine beyond the common part."""

    CANCEL = "cancel delayed messages"
    EXPIRE = "expire states by itself"
    BATCH_FAILS_WHOLE = "fail a batch as a whole, for its sender to see"
    ISOLATE = "find the failing message of a batch by itself"
    DECLARE = "be told of states by the function"
    DECLARE_SOME = "be told of one state when it knows the others"
    UNDECLARED = "hold a state that the function does not declare"
    RETYPE = "hold a state of another type than the declared one"
    TELL_TIME = "have handlers see the time that the case lets pass"


@attrs.frozen
class Sent:
    """A message to an address that is not served."""

    target: Address
    value: object
    typename: str
    """As it is on the wire."""
    data: bytes


@attrs.frozen
class Pending:
    """A delayed message."""

    delay_ms: int
    target: Address
    value: object


class Engine(Protocol):
    """One application, running."""

    protocol: int
    """Whose names values have on the wire: 2 or 3."""

    orders_topics: bool
    """Whether the records of two topics are read in the order of sending. Kafka has an order within a topic only."""

    @property
    def failures(self) -> list[str]:
        """The classes of the errors of handlers without a policy, and of failed batches."""
        ...

    @property
    def reasons(self) -> list[str]:
        """The texts of those failures."""
        ...

    @property
    def changes(self) -> list[dict[str, object]]:
        """The changes of each batch that succeeded, in order; None = deleted."""
        ...

    @property
    def asked(self) -> list[list[str]]:
        """The states that the function asked for, request by request."""
        ...

    async def tell(self, target: Address, *messages: object, caller: Address | None = None) -> None:
        """Hand *messages* over as one batch, and return when all that follows from it has happened."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def elapse(self, seconds: float) -> None:
        """Let time pass while a handler runs, without waiting for timers that fall due."""
        ...

    def state(self, target: Address) -> dict[str, object]:
        """The states that are there, as Python values."""
        ...

    def put_state(self, target: Address, name: str, value: object) -> None:
        """Store *value* beforehand, as an older version of the class might have."""
        ...

    @property
    def sent(self) -> list[Sent]: ...

    @property
    def pending(self) -> list[Pending]: ...

    def egress(self, name: str) -> list[object]:
        """The records sent to the egress *name*, as Python values."""
        ...


Start: TypeAlias = "Callable[..., AbstractAsyncContextManager[Engine]]"
"""``async with start(Account, settings=…) as engine``."""

CaseFunction: TypeAlias = "Callable[[Start], Awaitable[None]]"


@attrs.frozen
class EngineKind:
    """An engine that cases run on: one line of ``suite.ENGINES`` makes it a column of the table.

    Args:
        name: the column.
        start: starts one application on it.
        cannot: what it can't do → ``number: why``, by the sentence of the fine print that allows it. A case that needs
            it does not run.
        missing: why this machine can't run it; None if it can.
    """

    name: str
    start: Start
    cannot: Mapping[Can, str]
    missing: Callable[[], object] = lambda: None

    def reason(self, needs: AbstractSet[Can]) -> str | None:
        """Why a case with these *needs* does not run here; None if it does."""
        return next((self.cannot[need] for need in Can if need in needs and need in self.cannot), None)


def readable(changes: State, known: Mapping[str, Codec]) -> dict[str, object]:
    """*changes* as Python values, in their order; None = deleted."""
    return {name: None if value is None else value_of(value, known) for name, value in changes.items()}


def settings_of(settings: Settings | None) -> Settings:
    return settings if settings is not None else Settings()
