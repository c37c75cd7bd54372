"""Activities: outside calls, their keys, their attempts, and what the asker gets."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Address, Entity, NoAnswer, TerminalError, activity, answers, handles, persisted
from statefun_actors.asking import REPLY, is_run_id
from tests.conformance.engine import Start
from tests.conformance.sections import ACTIVITIES as K
from tests.conformance.wire import WIRE_2, WIRE_3, WireEngine

CALLS: list[tuple[str, int]] = []
"""The calls of ``pay``: key and cents."""


@activity("conf/pay", attempts=3, backoff=0.001)
async def pay(message: int, key: str) -> str:
    CALLS.append((key, message))
    if message == 13:
        raise TerminalError("not thirteen")
    if message == 14:
        raise ConnectionError("nobody is there")
    return key


@activity("conf/note")
def note(message: str) -> None:
    """It returns nothing."""


class Buyer(Entity, typename="conf/buyer"):
    """Pays, and keeps each answer."""

    seen: list[str] = persisted(factory=list)
    targets: list[str] = persisted(factory=list)

    @handles(int)
    def buy(self, message: int) -> None:
        self.ask(pay, message, then=self.paid, timeout=timedelta(minutes=5), keep=message)

    @handles(float)
    def buy_twice(self, message: float) -> None:
        for _ in range(2):
            self.ask(pay, int(message), then=self.paid, timeout=timedelta(minutes=5), keep=int(message))

    @handles(str)
    def write(self, message: str) -> None:
        self.ask(note, message, then=self.written)

    @answers
    def paid(self, answer: str | NoAnswer, cents: int) -> None:
        if isinstance(answer, NoAnswer):
            assert answer.target is not None
            self.targets.append(answer.target.id)
            self.seen.append(f"{cents}: {answer.reason}, {answer.error}")
        else:
            self.seen.append(f"{cents}: {answer}")

    @answers
    def written(self, answer: bool | NoAnswer) -> None:
        self.seen.append(repr(answer))


ADA = Buyer.at("ada")


def keys_of(cents: int) -> list[str]:
    return [key for key, number in CALLS if number == cents]


@K.case("K1", "what an activity returns is the answer, and its key is an id of the ask's own")
async def answered(start: Start) -> None:
    async with start(Buyer, pay) as engine:
        await engine.tell(ADA, 100, 100)

        found = [str(answer).removeprefix("100: ") for answer in engine.state(ADA)["seen"]]  # type: ignore[attr-defined]
        assert len(set(found)) == 2
        assert all(len(bytes.fromhex(key)) == 16 for key in found)


@K.case("K2", "one that returns nothing answers True when it is done")
async def nothing(start: Start) -> None:
    async with start(Buyer, note) as engine:
        await engine.tell(ADA, "a line")

        assert engine.state(ADA) == {"seen": ["True"]}


@K.case("K3", "TerminalError skips the attempts that are left: the asker gets NoAnswer failed, whose target is the run")
async def terminal(start: Start) -> None:
    CALLS.clear()
    async with start(Buyer, pay) as engine:
        await engine.tell(ADA, 13)

        assert engine.state(ADA) == {
            "seen": ["13: failed, TerminalError: not thirteen"],
            "targets": keys_of(13),
        }


@K.case("K4", "after the last attempt the asker gets NoAnswer failed; all attempts have one key")
async def given_up(start: Start) -> None:
    CALLS.clear()
    async with start(Buyer, pay) as engine:
        await engine.tell(ADA, 14)
        await engine.advance(1)

        found = keys_of(14)
        assert found == found[:1] * 3
        assert engine.state(ADA) == {
            "seen": ["14: failed, ConnectionError: nobody is there"],
            "targets": found[:1],
        }


@K.once("K5", "on Flink, an ask that is repeated after a failure of the job has the same key", "wire")
async def repeated() -> None:
    for kind in (WIRE_3, WIRE_2):
        CALLS.clear()
        async with kind.start(Buyer, pay) as engine:
            assert isinstance(engine, WireEngine)
            await engine.tell(ADA, 100)
            before = engine.checkpoint()
            await engine.tell(ADA, 5, 100.0)
            await engine.tell(ADA, 7)
            first = CALLS[1:]
            engine.restore(before)
            await engine.tell(ADA, 7)
            await engine.tell(ADA, 5, 100.0)

            assert sorted(CALLS[1 + len(first) :]) == sorted(first)
            assert len(set(first)) == 4
            assert CALLS[0] not in first


@K.once("K6", "on Flink, equal asks are counted for a week, and the counter is deleted a day later", "wire")
async def counted() -> None:
    for kind in (WIRE_3, WIRE_2):
        CALLS.clear()
        async with kind.start(Buyer, pay) as engine:
            assert isinstance(engine, WireEngine)
            for _ in range(4):
                await engine.tell(ADA, 5)
                await engine.advance(7 * 86_400)
            counting = [address for address in counters(engine) if any(engine.state(address).values())]
            await engine.advance(8 * 86_400)

            assert len(set(CALLS)) == 4
            assert len(counting) == 1
            assert not any(engine.state(address) for address in counters(engine))


def counters(engine: WireEngine) -> list[Address]:
    """The addresses of the reply function that count runs."""
    return [address for address in engine.checkpoint() if address.typename == REPLY and is_run_id(address.id)]
