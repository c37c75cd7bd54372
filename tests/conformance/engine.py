"""What a case sees of an engine, and how a case is declared.

A case hands messages to addresses and looks at what came of it: states, messages to addresses that nobody serves
(``probe/...``), egress records, pending delayed messages, errors. What an engine cannot do is in its ``cannot``.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

import attrs

from statefun_actors import Address, Settings


class Can(enum.Enum):
    """What a case may need of an engine beyond the common part."""

    CANCEL = "cancel delayed messages"
    EXPIRE = "expire states by itself"
    BATCH_FAILS_WHOLE = "fail a batch as a whole, for its sender to see"
    ISOLATE = "find the failing message of a batch by itself"
    RESTART = "be restarted on what it has stored"
    DECLARE = "be told of states by the function"
    RETYPE = "hold a state of another type than the declared one"


@attrs.frozen
class Sent:
    """A message that left for an address that nobody serves."""

    target: Address
    value: object
    typename: str


@attrs.frozen
class Pending:
    """A delayed message."""

    delay_ms: int
    target: Address
    value: object


class Engine(Protocol):
    """One application, running."""

    @property
    def failures(self) -> list[str]:
        """The classes of what handlers without a policy raised, and of what made batches fail."""
        ...

    async def tell(self, target: Address, *messages: object, caller: Address | None = None) -> None:
        """Hand *messages* over as one batch, and return when all that follows from it has happened."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
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
class Case:
    """A numbered sentence, and how it is tried."""

    number: str
    sentence: str
    function: CaseFunction
    needs: frozenset[Can]


CASES: dict[str, Case] = {}


def case(number: str, sentence: str, *needs: Can) -> Callable[[CaseFunction], CaseFunction]:
    """Decorator: *function* tries *sentence* on an engine that can do what it *needs*."""

    def declare(function: CaseFunction) -> CaseFunction:
        assert number not in CASES, f"{number} is taken"
        CASES[number] = Case(number, sentence, function, frozenset(needs))
        return function

    return declare


@attrs.frozen
class EngineKind:
    """An engine that cases run on. ``cannot``: what it can't do → the reason, as the fine print allows it."""

    name: str
    start: Start
    cannot: dict[Can, str]

    def reason(self, case_: Case) -> str | None:
        """Why *case_* does not run here; None if it does."""
        return next((self.cannot[need] for need in case_.needs if need in self.cannot), None)


def settings_of(settings: Settings | None) -> Settings:
    return settings if settings is not None else Settings()
