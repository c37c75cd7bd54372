"""The application of systems that run as processes: cells that keep what came, and pass it on."""

from __future__ import annotations

from statefun_actors import Entity, handles, message, persisted

ADDED = "test/added-numbers"
"""The egress of what each cell has added."""


@message("test/add")
class Add:
    number: int
    to: str | None = None


@message("test/added")
class Added:
    id: str
    count: int


@message("test/passed")
class Passed:
    sender: str
    number: int


class Cell(Entity, typename="test/cell"):
    numbers: list[int] = persisted(factory=list)
    passed: list[tuple[str, int]] = persisted(factory=list)

    @handles
    def add(self, order: Add) -> Added:
        self.numbers.append(order.number)
        if order.to is not None:
            self.send(Cell.at(order.to), Passed(self.id, order.number))
        added = Added(self.id, len(self.numbers))
        self.send_egress(ADDED, added)
        return added

    @handles
    def take(self, order: Passed) -> None:
        self.passed.append((order.sender, order.number))
