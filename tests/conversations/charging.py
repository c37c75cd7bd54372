"""An order that charges by an activity, and the calls of that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from statefun_actors import Entity, NoAnswer, TerminalError, activity, answers, handles, message, persisted
from statefun_actors.testing import TestRuntime


@message("shop/charge-order")
class Charge:
    cents: int


@message("shop/charged")
class Charged:
    key: str


CALLS: list[tuple[str, int]] = []


@activity("shop/charge", attempts=3, backoff=1.0)
async def charge(message: Charge, key: str) -> Charged:
    CALLS.append((key, message.cents))
    await asyncio.sleep(0)
    if message.cents < 0:
        raise TerminalError("negative")
    if len(CALLS) < message.cents:
        raise ConnectionError("the bank is away")
    return Charged(key)


@activity("shop/notify")
def notify(message: str) -> None:
    CALLS.append((threading.current_thread().name, len(message)))


class Order(Entity, typename="shop/payer"):
    state: str = persisted(default="new")

    @handles
    def pay(self, message: Charge) -> None:
        self.ask(charge, message, then=self.charged, timeout=timedelta(hours=1))
        self.state = "asked"

    @handles
    def tell(self, message: str) -> None:
        self.ask(notify, message, then=self.reported)

    @answers
    def charged(self, answer: Charged | NoAnswer) -> str:
        self.state = answer.key if isinstance(answer, Charged) else f"{answer.reason}: {answer.error}"
        if isinstance(answer, NoAnswer):
            assert answer.target is not None
            assert answer.target.id == CALLS[0][0]
        return self.state

    @answers
    def reported(self, answer: bool | NoAnswer) -> str:
        return f"told {answer}"


def in_test(work: Callable[[TestRuntime], Coroutine[Any, Any, None]], *served: object) -> None:
    CALLS.clear()

    async def run() -> None:
        async with TestRuntime(*served) as runtime:
            await work(runtime)

    asyncio.run(run())
