"""The application of systems that run as processes: cells that keep what came, and pass it on."""

from __future__ import annotations

from statefun_actors import Entity, handles, message, persisted


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
        return Added(self.id, len(self.numbers))

    @handles
    def take(self, order: Passed) -> None:
        self.passed.append((order.sender, order.number))
