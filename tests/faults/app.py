"""The application under faults: counts, asks, recurring messages, internal messages, a class without a failure policy.

All that it does is told to a topic, and :class:`Report` has each entity tell its state. Neither depends on the order in
which entities get their messages, so two runs with the same orders tell the same.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Final

from statefun_actors import DeadLetter, Entity, NoAnswer, answers, handles, kafka_record, message, persisted

TICKS: Final = 3
"""The number of recurring messages that a customer takes before it cancels them."""
TOLD: Final = "faults.told"
"""The topic of all records."""
LETTERS: Final = "faults.letters"
FOLDER: Final = "FAULTS_FOLDER"
"""The variable that names a folder with the two files below."""
TRACE: Final = "trace"
"""It gets a byte for each order that is handled, also if that is undone later."""
MENDED: Final = "mended"
"""While it exists, poison does no harm."""


@message("faults/order")
class Order:
    number: int
    item: str


@message("faults/reserve")
class Reserve:
    number: int


@message("faults/note")
class Note:
    number: int


@message("faults/tick")
class Tick:
    pass


@message("faults/poison")
class Poison:
    pass


@message("faults/report")
class Report:
    pass


class Telling(Entity):
    """An entity that tells what it does."""

    def tell(self, what: str, value: object) -> None:
        self.send_egress("faults/told", kafka_record(topic=TOLD, key=self.id, value=json.dumps([what, value])))

    @handles
    def poisoned(self, message: Poison) -> None:
        if (folder := os.environ.get(FOLDER)) is None or not (Path(folder) / MENDED).exists():
            raise RuntimeError("poison")
        self.tell("survived", None)


class Customer(Telling, typename="faults/customer", on_failure=DeadLetter("faults/letters", topic=LETTERS, attempts=3)):
    orders: list[int] = persisted(factory=list)
    answered: list[int] = persisted(factory=list)
    ticks: int = persisted(default=0)

    @handles
    def order(self, message: Order) -> None:
        if not self.orders:
            self.send_every(timedelta(seconds=1), self.address, Tick(), name="tick")
        self.orders.append(message.number)
        self.send(Ledger.at(message.item), Note(message.number))
        self.ask(
            Stock.at(message.item), Reserve(message.number), then=self.reserved, keep=message.number,
            timeout=timedelta(hours=1),
        )  # fmt: skip
        self.tell("ordered", message.number)
        _trace()

    @answers
    def reserved(self, answer: int | NoAnswer, number: int) -> None:
        self.answered.append(number)
        self.tell("reserved" if answer == number else f"not reserved: {answer}", number)

    @handles
    def tick(self, message: Tick) -> None:
        if self.ticks == TICKS:  # it was on its way when they were cancelled
            return
        self.ticks += 1
        self.tell("tick", self.ticks)
        if self.ticks == TICKS:
            self.cancel_every("tick")

    @handles
    def report(self, message: Report) -> None:
        self.tell("customer", [self.orders, sorted(self.answered), self.ticks])


class Stock(Telling, typename="faults/stock"):
    """It has no failure policy."""

    taken: int = persisted(default=0)

    @handles
    def reserve(self, message: Reserve) -> int:
        self.taken += 1
        return message.number

    @handles
    def report(self, message: Report) -> None:
        self.tell("stock", self.taken)


class Ledger(Telling, typename="faults/ledger", on_failure=DeadLetter("faults/letters", topic=LETTERS, attempts=3)):
    notes: dict[int, int] = persisted(factory=dict)
    """How often each order was noted."""

    @handles(internal=True)
    def note(self, message: Note) -> None:
        self.notes[message.number] = self.notes.get(message.number, 0) + 1
        self.tell("noted", message.number)

    @handles
    def report(self, message: Report) -> None:
        self.tell("ledger", sorted(self.notes.items()))


def _trace() -> None:
    if (folder := os.environ.get(FOLDER)) is not None:
        descriptor = os.open(Path(folder) / TRACE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, b".")
        os.close(descriptor)
