"""Clients that send transfers over HTTP and do not give up: each is sent, with its key, until it is answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from http import HTTPStatus

import httpx

ACCOUNTS = 40
_RETRY = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class Transfers:
    """The requests, their answers, and the open ones."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.asked: dict[int, dict[str, object]] = {}
        self.senders: dict[int, str] = {}
        self.acknowledged: set[int] = set()
        self.retries = 0

    @property
    def unacknowledged(self) -> int:
        return len(self.asked) - len(self.acknowledged)

    def next(self) -> int:
        number = len(self.asked)
        rng = self._rng
        self.senders[number] = f"{rng.randrange(ACCOUNTS)}"
        hops = [f"{rng.randrange(ACCOUNTS)}" for _ in range(rng.randint(1, 4))]
        self.asked[number] = {"number": number, "hops": hops, "cents": rng.randint(1, 500)}
        return number


async def work(url: str, transfers: Transfers, clients: int, stopped: Callable[[], bool]) -> None:
    """Have *clients* send transfers, one after another each, until *stopped*; the last ones are seen through."""
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=10, trust_env=False) as http:

        async def client() -> None:
            while not stopped():
                number = transfers.next()
                await _see_through(http, transfers, number)

        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(client())


async def _see_through(http: httpx.AsyncClient, transfers: Transfers, number: int) -> None:
    # Every other one waits for its reply; the others are content to know that it is durable.
    path = f"/ingress/crash/account/{transfers.senders[number]}"
    params = {"type": "crash/transfer"} | ({"wait": "5s"} if number % 2 else {})
    for _ in range(100_000):
        try:
            answer = await http.put(
                path, params=params, json=transfers.asked[number], headers={"Idempotency-Key": f"transfer-{number}"}
            )
        except httpx.TransportError:
            transfers.retries += 1
            await asyncio.sleep(0.01)
            continue
        if answer.status_code in _RETRY:
            transfers.retries += 1
            await asyncio.sleep(0.01)
            continue
        assert answer.status_code == (200 if number % 2 else 202), f"{answer.status_code} {answer.text}"
        if number % 2:
            assert answer.json() == number
        transfers.acknowledged.add(number)
        return
    raise AssertionError(f"transfer {number} was never answered")
