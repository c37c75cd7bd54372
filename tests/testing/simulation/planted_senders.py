"""Further entities whose mistake is to rely on the order of messages of different senders."""

from __future__ import annotations

from statefun_actors import Entity, NoAnswer, answers, handles, persisted
from statefun_actors.testing import TestRuntime
from tests.testing.simulation.planted import Note, Start

# --- order


class Summing(Entity, typename="planted/summing"):
    """It adds floats of different senders, whose sum depends on their order."""

    total: float = persisted(default=0.0)

    @handles(float)
    def add(self, amount: float) -> None:
        self.total += amount


class Paying(Entity, typename="planted/paying"):
    @handles(Start)
    def start(self, _: Start) -> None:
        self.send(Summing.at("s"), float(self.id))


class Payday(Entity, typename="planted/payday"):
    @handles(Start)
    def start(self, start: Start) -> None:
        for amount in ("0.1", "0.2", "0.3", "1e16", "-1e16"):
            self.send(Paying.at(amount), start)


async def float_sum(runtime: TestRuntime) -> None:
    await runtime.tell(Payday.at("p"), Start())


class Doors(Entity, typename="planted/doors"):
    """It opens one door, then another, and assumes that they open in this order."""

    log: list[str] = persisted(factory=list)

    @handles(Start)
    def start(self, start: Start) -> None:
        self.send(Door.at("first"), start)
        self.send(Door.at("second"), start)

    @handles(Note)
    def opened(self, note: Note) -> None:
        self.log.append(note.text)


class Door(Entity, typename="planted/door"):
    @handles(Start)
    def start(self, _: Start) -> None:
        self.send(Doors.at("d"), Note(self.id))


async def two_targets(runtime: TestRuntime) -> None:
    await runtime.tell(Doors.at("d"), Start())


class LastAnswer(Entity, typename="planted/last-answer"):
    """It asks twice, and takes the answer to the second ask for the last one."""

    answer: str = persisted(default="")

    @handles(Start)
    def start(self, _: Start) -> None:
        for id in ("one", "two"):
            self.ask(Echo.at(id), Note(id), then=self.answered)

    @answers
    def answered(self, note: Note | NoAnswer) -> None:
        self.answer = note.text if isinstance(note, Note) else ""


class Echo(Entity, typename="planted/echo"):
    @handles(Note)
    def note(self, note: Note) -> Note:
        return note


async def last_answer(runtime: TestRuntime) -> None:
    await runtime.tell(LastAnswer.at("x"), Start())
