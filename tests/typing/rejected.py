"""Lines that type checkers must reject. Each says so, and an ignore that nothing needs is an error in this project.

mypy finds unused ignores in strict mode; for pyright they are switched on in the next line.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    NoAnswer,
    StatefulFunctions,
    activity,
    answers,
    handles,
    kafka_record,
    message,
    persisted,
)
from statefun_actors.testing import TestRuntime, given


@message("typing/deposit")
class Deposit:
    """A message."""

    cents: int


@activity("typing/note")
async def note(message: str) -> str:
    """Returns a str."""
    return message


class Account(Entity, typename="typing/account"):
    """An entity whose declaration is fine."""

    balance: int = persisted(default=0)
    names: list[str] = persisted(factory=list)

    @handles(Deposit)
    def deposit(self, message: Deposit) -> int:
        """Uses its fields as it may not."""
        self.balance = "much"  # type: ignore[assignment]
        self.names.append(5)  # type: ignore[arg-type]
        self.send("ada", message)  # type: ignore[arg-type]
        self.send_after("soon", self.address, message)  # type: ignore[arg-type]
        self.cancel(5)  # type: ignore[arg-type]
        return self.balance

    @handles(Deposit)  # type: ignore[arg-type]
    def other(self, message: str) -> None:
        """Its annotation is not what @handles says."""

    @handles(str)
    def asks(self, message: str) -> None:
        """Asks as it may not."""
        self.ask(self.address, message, then=self.told)  # type: ignore[arg-type]
        self.ask(self.address, message, then=self.told, keep=5)  # type: ignore[arg-type]
        self.ask(self.address, message, then=self.heard, keep="x")  # type: ignore[arg-type]
        self.ask(note, message, then=self.heard)  # type: ignore[arg-type]

    @answers
    def told(self, answer: int | NoAnswer, kept: str) -> None:
        """Takes an answer and a text."""

    @answers
    def heard(self, answer: int | NoAnswer) -> None:
        """Takes an answer."""


def values() -> None:
    """Made wrongly."""
    Deposit(cents="many")  # type: ignore[arg-type]
    Account(balanse=3)  # type: ignore[call-arg]
    Account(balance="3")  # type: ignore[arg-type]
    Account.at(5)  # type: ignore[arg-type]
    Address("typing/account")  # type: ignore[call-arg]
    DeadLetter("typing/letters", attempts="3")  # type: ignore[arg-type]
    kafka_record(value=b"")  # type: ignore[call-arg]
    handles(Deposit, internal="yes")  # type: ignore[call-overload]
    StatefulFunctions().bind("typing/fn", internal="yes")  # type: ignore[arg-type]
    StatefulFunctions().bind("typing/fn", concurrency="4")  # type: ignore[arg-type]


def kit() -> None:
    """The test kit knows the fields."""
    given(Account, "ada", balance="3")  # type: ignore[arg-type]
    given(Account, "ada", balanse=3)  # type: ignore[call-arg]
    given(Account, 5)  # type: ignore[arg-type]
    given(Account, "ada").when(Deposit(cents=1)).after("a day")  # type: ignore[arg-type]
    given(Account, "ada").when(Deposit(cents=1)).after(5).entity.balanse.bit_count()  # type: ignore[attr-defined]
    given(Account, "ada").when(Deposit(cents=1)).entity.balance.upper()  # type: ignore[attr-defined]


async def asked(runtime: TestRuntime) -> None:
    """A reply has the type that was asked for."""
    number = await runtime.ask(Account.at("ada"), Deposit(cents=1), int)
    number.upper()  # type: ignore[attr-defined]


def answered() -> None:
    """An answer is one that its method takes, and so is what was kept."""
    given(Account, "ada").answered(Account.told, "x", keep="x")  # type: ignore[arg-type]
    given(Account, "ada").answered(Account.told, 5, keep=5)  # type: ignore[arg-type]
    given(Account, "ada").answered(Account.told, 5)  # type: ignore[arg-type]
    given(Account, "ada").answered(Account.heard, "x")  # type: ignore[arg-type]
    given(Account, "ada").answered(Account.heard, 5, keep="x")  # type: ignore[arg-type]


async def asked_by_a_handler(runtime: TestRuntime) -> None:
    """Its annotations say what it takes and returns."""
    await runtime.ask(Account.deposit, "ada", "x")  # type: ignore[arg-type]
    number = await runtime.ask(Account.deposit, "ada", Deposit(cents=1))
    number.upper()  # type: ignore[attr-defined]
