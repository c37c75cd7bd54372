"""Entities behind the ingress, and messages that ask them."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from statefun_actors import Address, Discard, Entity, TerminalError, handles, persisted
from statefun_actors.engine import Engine
from statefun_actors.ingress import Answer, Cancel, IngressMessage, Wait
from statefun_actors.types import pack
from tests.engine.engines import DEADLINE


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n

    @handles(bool)
    def add_silently(self, message: bool) -> None:
        self.n += 1

    @handles(bytes)
    def reply_twice(self, message: bytes) -> str:
        self.reply("first")
        return "second"

    @handles(str)
    def refuse(self, message: str) -> None:
        raise TerminalError(message)

    @handles(float, on_failure=Discard())
    def fail(self, message: float) -> None:
        raise ValueError(message)


class Gate(Entity, typename="test/gate"):
    """Its handler waits until the test releases it."""

    open: ClassVar[asyncio.Event]
    entered: ClassVar[int] = 0

    @handles(int)
    async def wait(self, message: int) -> int:
        Gate.entered += 1
        await Gate.open.wait()
        return message

    @handles(str)
    async def wait_too(self, message: str) -> None:
        await Gate.open.wait()


class Moody(Entity, typename="test/moody"):
    """Fails until the test repairs it."""

    cured: ClassVar[bool]

    @handles(str)
    def note(self, message: str) -> None:
        if not Moody.cured:
            raise ValueError("moody")


class Later(Entity, typename="test/later"):
    """Keeps its callers, and answers when a message says so."""

    asker: Address | None = persisted(default=None)

    @handles(int)
    def asked(self, message: int) -> None:
        self.asker = self.caller

    @handles(bool)
    def answer_later(self, message: bool) -> None:
        assert self.caller is not None
        self.send_after(60, self.caller, "after a while")

    @handles(str)
    def answer(self, message: str) -> None:
        if self.asker is not None:
            self.send(self.asker, message)


A = Counter.at("a")
SERVED = (Counter, Gate, Later)


class Asked:
    """The answer to a message, of which there must be exactly one."""

    def __init__(self) -> None:
        self._told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.forget: Cancel = lambda: False

    def tell(self, answer: Answer) -> None:
        self._told.set_result(answer)

    @property
    def known(self) -> bool:
        return self._told.done()

    async def answer(self) -> Answer:
        async with asyncio.timeout(DEADLINE):
            return await self._told


def ask(engine: Engine, target: Address, message: object, wait: Wait = Wait.TAKEN, key: str | None = None) -> Asked:
    asked = Asked()
    asked.forget = engine.take(IngressMessage(target, pack(message), 0, wait, key), asked.tell)
    return asked


async def turns() -> None:
    """Run the event loop for more iterations than are needed."""
    for _ in range(20):
        await asyncio.sleep(0)
