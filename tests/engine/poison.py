"""Messages whose changes a store refuses, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.ingress import IngressMessage, Wait
from statefun_actors.store import DeadLetterEntry, Store
from statefun_actors.types import pack

OUT = "test/out"


class Counted(Entity, typename="test/counted"):
    """Counts messages. Some of them make changes that the store refuses."""

    count: int = persisted(default=0)
    text: str = persisted(default="")

    @handles(str)
    def handle(self, way: str) -> int:
        self.count += 1
        poison = "poi" + "son"
        match way:
            case "state":
                self.text = poison
            case "send":
                self.send(Address("test/nobody", poison), "x")
            case "later":
                self.send_after(60, self.address, "x", cancellation_token=poison)
            case "egress":
                self.send_egress(OUT, poison)
            case _:
                pass
        return self.count

    @handles(int)
    async def wait(self, message: int) -> int:
        await asyncio.sleep(0)
        self.count += 1
        if message < 0:
            self.text = "poi" + "son"
        return self.count


TARGETS = [Counted.at(f"{number}") for number in range(8)]
GUILTY = TARGETS[3]
WRITTEN = ("entity", "message", "timer", "egress")
Refusing = Callable[..., Store]


def letter(target: Address, message: object, wait: Wait = Wait.HANDLED, key: str | None = None) -> IngressMessage:
    return IngressMessage(target, pack(message), wait=wait, key=key)


def given_up(store: Store) -> list[DeadLetterEntry]:
    return list(store.dead_letters())
