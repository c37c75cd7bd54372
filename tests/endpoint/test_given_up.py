"""Async handlers that catch their cancellation and go on: an endpoint gives them up, and answers."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Literal

import pytest

from statefun_actors import Address, DeadLetter, Entity, RequestReplyHandler, handles
from statefun_actors.dispatch.given_up import GivenUp
from tests.http.serving import request

SOON = 30
PROTOCOLS: tuple[Literal[2, 3], ...] = (3, 2)


class Deaf(Entity, typename="test/deaf", concurrency=1, on_failure=DeadLetter("test/dead", attempts=1)):
    entered: ClassVar[asyncio.Event]

    @handles(str, timeout=0.02)
    async def stay(self, message: str) -> None:
        await self._stay()

    @handles(float)
    async def stay_without_a_limit(self, message: float) -> None:
        await self._stay()

    async def _stay(self) -> None:
        Deaf.entered.set()
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    @handles(int)
    async def double(self, message: int) -> int:
        return 2 * message


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.dispatch.calling.given_up", GivenUp())
    for module in ("calling", "handler_task"):
        monkeypatch.setattr(f"statefun_actors.dispatch.{module}.GRACE_SECONDS", 0.01)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_timeout_fails_the_message_and_frees_the_place(protocol: Literal[2, 3]) -> None:
    Deaf.entered = asyncio.Event()
    handler = RequestReplyHandler(Deaf, protocol=protocol)
    stuck = handler.handle(request(Address("test/deaf", "a"), "x", 7, protocol=protocol, caller=Address("test/b", "b")))
    other = handler.handle(request(Address("test/deaf", "b"), 7, protocol=protocol))

    responses = await asyncio.wait_for(asyncio.gather(stuck, other), SOON)

    assert b"Deaf.stay did not finish within 0.02 s." in responses[0]
    assert b"test\x12\x01b" in responses[0]  # the address of the reply to the second message


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_dropped_connection_frees_the_address_and_the_place(protocol: Literal[2, 3]) -> None:
    Deaf.entered = asyncio.Event()
    handler = RequestReplyHandler(Deaf, protocol=protocol)
    address = Address("test/deaf", "a")
    dropped = asyncio.create_task(handler.handle(request(address, 1.5, protocol=protocol)))
    await asyncio.wait_for(Deaf.entered.wait(), SOON)

    dropped.cancel()
    again = handler.handle(request(address, 7, protocol=protocol))

    await asyncio.wait_for(again, SOON)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(dropped, SOON)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_call_from_a_thread_ends(protocol: Literal[2, 3]) -> None:
    handler = RequestReplyHandler(Deaf, protocol=protocol)

    def call() -> bytes:
        Deaf.entered = asyncio.Event()
        return handler(request(Address("test/deaf", "a"), "x", protocol=protocol))

    response = await asyncio.wait_for(asyncio.to_thread(call), SOON)

    assert b"Deaf.stay did not finish within 0.02 s." in response
