"""The application of the crash test of conversations: each order asks in every way that there is.

An order notes each call of each ``then`` with what it got, so that a call too many, one too few and one for another
order can be seen afterwards.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from statefun_actors import Discard, Entity, NoAnswer, TerminalError, activity, answers, handles, persisted

LONG = timedelta(minutes=10)
SHELVES = 3


class Stock(Entity, typename="crash/stock"):
    """Answers with the number that it was asked for, refuses negative ones, and is silent about texts."""

    reserved: list[int] = persisted(factory=list)

    @handles(int, on_failure=Discard())
    def reserve(self, number: int) -> int:
        if number < 0:
            raise TerminalError("sold out")
        self.reserved.append(number)
        return number

    @handles
    def ponder(self, question: str) -> None: ...


class Desk(Entity, typename="crash/desk"):
    """Asks the stock before it answers: its reply comes from a ``then``."""

    @handles
    def look(self, number: int) -> None:
        self.ask(Stock.at(f"desk-{number % SHELVES}"), number, then=self.seen, timeout=LONG)

    @answers
    def seen(self, answer: int | NoAnswer) -> int | str:
        return answer if isinstance(answer, int) else answer.reason


@activity("crash/charge", attempts=1_000, backoff=0.05)
def charge(number: int, key: str) -> str:
    """A payment: the bank's book has a line for each call. Each second call fails after it has been booked."""
    book = Path(os.environ["BOOK"])
    with book.open("a") as lines:
        lines.write(f"{number} {key}\n")
    if book.stat().st_size % 2:
        raise ConnectionError("the bank is away")
    return f"{number} {key}"


class Order(Entity, typename="crash/order"):
    """Its id is its number."""

    calls: list[str] = persisted(factory=list)
    ticks: int = persisted(default=0)

    @handles
    def place(self, number: int) -> None:
        shelf = Stock.at(f"{number % SHELVES}")
        self.ask(shelf, number, then=self.reserved, timeout=LONG, keep=number)
        self.ask(shelf, -number, then=self.refused, timeout=LONG, keep=number)
        self.ask(shelf, "?", then=self.silent, timeout=0.5, keep=number)
        self.ask(Desk.at(f"{number}"), number, then=self.looked, timeout=LONG, keep=number)
        self.ask(charge, number, then=self.charged, timeout=LONG, keep=number)
        link = self.reply_address(then=self.approved, timeout=LONG, keep=number)
        self.send_egress("crash/mails", f"{number} {link.id}")
        self.send_every(timedelta(seconds=1), self.address, "tick", name="tick")

    @handles
    def tick(self, message: str) -> None:
        self.ticks += 1

    @answers
    def reserved(self, answer: int | NoAnswer, number: int) -> None:
        self._note("reserved", answer, number)

    @answers
    def refused(self, answer: int | NoAnswer, number: int) -> None:
        self._note("refused", answer, number)

    @answers
    def silent(self, answer: int | NoAnswer, number: int) -> None:
        self._note("silent", answer, number)

    @answers
    def looked(self, answer: int | str | NoAnswer, number: int) -> None:
        self._note("looked", answer, number)

    @answers
    def charged(self, answer: str | NoAnswer, number: int) -> None:
        self._note("charged", answer, number)

    @answers
    def approved(self, answer: int | NoAnswer, number: int) -> None:
        self._note("approved", answer, number)

    def _note(self, then: str, answer: object, number: int) -> None:
        shown = f"{answer.reason} {answer.error}".strip() if isinstance(answer, NoAnswer) else answer
        self.calls.append(f"{number} {then} {shown}")
