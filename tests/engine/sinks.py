"""A sink that keeps the records it gets, and an entity that emits them."""

from __future__ import annotations

import asyncio

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import EgressQueue
from statefun_actors.store import EgressRecord
from statefun_actors.types import value_of

OUT = "test/out"


class Teller(Entity, typename="test/teller"):
    n: int = persisted(default=0)

    @handles(int)
    def tell(self, message: int) -> None:
        self.n += 1
        self.send_egress(OUT, message)

    @handles(str)
    def tell_another(self, message: str) -> None:
        self.send_egress("test/other", message)

    @handles(bytes)
    def tell_much(self, message: bytes) -> None:
        self.send_egress(OUT, message)


class ListSink:
    """Appends records to a list, one after another, while it is open and not broken."""

    def __init__(self, *, begins: str | None = None, open: bool = True) -> None:
        self.written: list[EgressRecord] = []
        self.resumed: list[str | None] = []
        self.broken: BaseException | None = None
        self.runs = 0
        self.most_held = 0
        self.open = asyncio.Event()
        if open:
            self.open.set()
        self._begins = begins

    def resume(self, position: str | None) -> str | None:
        self.resumed.append(position)
        return self._begins if position is None else None

    async def run(self, outlet: EgressQueue) -> None:
        self.runs += 1
        while True:
            records = await outlet.take()
            self.most_held = max(self.most_held, len(records))
            for record in records:
                await self.open.wait()
                if self.broken is not None:
                    raise self.broken
                self.written.append(record)
                outlet.done([record], f"after {record.seq}")

    @property
    def values(self) -> list[object]:
        return [value_of(record.value) for record in self.written]
