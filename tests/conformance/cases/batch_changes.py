"""What one batch does: which fields count as changed, and what absent ones read as."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import ClassVar

from statefun_actors import Address, Context, Entity, StatefulFunctions, handles, persisted
from tests.conformance.cases.batch_steps import ADA, Actor
from tests.conformance.cases.vocabulary import ASKER
from tests.conformance.engine import Start
from tests.conformance.sections import BATCHES as B


class Bits(Entity, typename="conf/bits"):
    ratio: float = persisted(default=0.0)
    fresh: str = persisted(default="", expire_after_write=timedelta(days=1))
    again: ClassVar[int] = 0

    @handles(float)
    def assign(self, message: float) -> None:
        self.ratio = message

    @handles(str)
    def refresh(self, message: str) -> None:
        self.fresh = message


BITS = Bits.at("a")


@B.case("B14", "*changed* compares encoded bytes: what comes back to where it began is not written")
async def to_and_fro(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 1, "append")
        await engine.tell(ADA, "to and fro")
        assert engine.changes[-1] == {}


@B.case("B15", "floats are compared by their bits")
async def bits(start: Start) -> None:
    async with start(Bits) as engine:
        await engine.tell(BITS, 0.0)
        await engine.tell(BITS, 0.0)
        await engine.tell(BITS, -0.0)
        await engine.tell(BITS, math.nan)
        await engine.tell(BITS, math.nan)
        assert [len(changes) for changes in engine.changes] == [1, 0, 1, 1, 0]
        assert math.copysign(1, engine.changes[2]["ratio"]) == -1  # type: ignore[arg-type]


@B.case("B16", "assigning to an absent field always writes, even its default")
async def assigned_default(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "assign default")
        assert engine.changes == [{"n": 0}]
        assert engine.state(ADA) == {"n": 0}


@B.case("B17", "any assignment to a field with expire_after_write writes: it refreshes")
async def refreshed(start: Start) -> None:
    async with start(Bits) as engine:
        await engine.tell(BITS, "x")
        await engine.tell(BITS, "x")
        assert engine.changes == [{"fresh": "x"}] * 2


@B.case("B18", "reading a factory default and leaving it alone does not write; changing it in place does")
async def factory(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "read all")
        await engine.tell(ADA, "append", "append")
        assert engine.changes == [{}, {"items": [1, 1]}]


functions = StatefulFunctions()


@functions.bind("conf/writer", states={"x": int})
def write(context: Context, message: int) -> None:
    """Writes what it gets."""
    context["x"] = message


@B.case("B19", 'a function\'s context["x"] = … always writes')
async def always(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/writer", "a"), 1)
        await engine.tell(Address("conf/writer", "a"), 1)
        assert engine.changes == [{"x": 1}] * 2


@B.case("B20", "a field that is not optional reads as its default= or factory= while it is absent")
async def defaults(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "read all")
        await engine.tell(ADA, 1, caller=ASKER)
        assert engine.failures == []
        assert [sent.value for sent in engine.sent] == [1]


@B.case("B21", "an optional field's default is None; None and deleted are absent; absent reads as the default")
async def absent(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 5, "note")
        await engine.tell(ADA, "none", "delete")
        assert engine.changes[-1] == {"n": None, "note": None}
        assert engine.state(ADA) == {}
        await engine.tell(ADA, "read all")
        assert engine.failures == []
