"""Requests under keys while gateways are killed, brokers restarted, and the job fails: each message counts once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import pytest

from statefun_actors.client import Client
from statefun_actors.cluster.reserved_ports import ReservedPort
from tests.client.bank import Account, Deposit, Deposited
from tests.gateway.session import GatewayJob, GatewayProcess, new_job
from tests.kafka.broker import Broker

pytestmark = [pytest.mark.flink, pytest.mark.kafka]

SECONDS: Final = 150.0
"""For one message, with all that happens meanwhile."""
ACCOUNTS: Final = 3


class Gateways:
    """Two gateways at ports of their own, which can be killed."""

    def __init__(self, module: Path) -> None:
        self._module = module
        self._ports = [ReservedPort(), ReservedPort()]
        self._running = [self._start(at) for at in range(2)]

    @property
    def urls(self) -> list[str]:
        return [port.url for port in self._ports]

    def kill(self, at: int) -> None:
        """Kill one as a crash would, and start it again."""
        self._running[at].close()
        self._running[at] = self._start(at)

    def close(self) -> None:
        for process in self._running:
            process.close()
        for port in self._ports:
            port.release()

    def _start(self, at: int) -> GatewayProcess:
        return GatewayProcess(self._module, port=self._ports[at].number)


@contextmanager
def gateways(job: GatewayJob) -> Generator[Gateways]:
    found = Gateways(job.module)
    try:
        yield found
    finally:
        found.close()


def deposited(urls: list[str], id: str, key: str) -> int:
    """Deposit a cent, once, at whichever gateway answers; the balance that was told."""
    end = time.monotonic() + SECONDS
    at = random.Random(key).randrange(2)
    while True:
        at += 1
        try:
            response = httpx.post(
                f"{urls[at % 2]}/ingress/bank/account/{id}?wait=5s", content=b'{"cents":1}', timeout=8,
                headers={"content-type": "application/vnd.bank/deposit", "idempotency-key": key},
            )  # fmt: skip
        except httpx.TransportError as error:
            said = repr(error)
        else:
            if response.status_code == 200:
                return int(response.json()["balance"])
            said = f"{response.status_code} {response.text}"
            assert response.status_code in {503, 504}, said
        assert time.monotonic() < end, f"{key}: {said}"


def by_client(url: str, id: str, key: str) -> int:
    """The same by the Python client, which tries one gateway again and again."""
    with Client(url, timeout=SECONDS) as client:
        return client.ask(Account.at(id), Deposit(1), Deposited, key=key).balance


def all_deposited(
    urls: list[str], name: str, clients: int, each: int, failures: Sequence[Callable[[], None]]
) -> dict[str, list[int]]:
    """Deposit by *clients* at once, *each* a number of cents; the balances that were told, sorted, by account.

    The *failures* happen meanwhile, one after the other, as the deposits go on.
    """
    done: list[tuple[str, int]] = []

    def work(client: int) -> None:
        for number in range(each):
            id, key = f"{name}-{(client + number) % ACCOUNTS}", f"{name}-{client}-{number}"
            told = deposited(urls, id, key) if client else by_client(urls[0], id, key)
            done.append((id, told))

    with ThreadPoolExecutor(clients) as pool:
        working = [pool.submit(work, client) for client in range(clients)]
        for number, fail in enumerate(failures, 1):
            wanted = clients * each * number // (len(failures) + 1)
            while len(done) < wanted and not all(one.done() for one in working):
                time.sleep(0.01)
            fail()  # in this thread: the processes that it starts end with the thread that has started them
        for one in working:
            one.result()
    found: dict[str, list[int]] = {}
    for id, told in sorted(done):
        found.setdefault(id, []).append(told)
    return found


def balances(urls: list[str], ids: Iterable[str]) -> dict[str, int]:
    with Client(urls[1], timeout=SECONDS) as client:
        return {id: client.ask(Account.at(id), Deposit(0), Deposited).balance for id in ids}


def assert_each_counts_once(told: dict[str, list[int]]) -> None:
    """Each balance from 1 to the last was told once."""
    assert told == {id: list(range(1, len(found) + 1)) for id, found in told.items()}


def test_each_message_counts_once_while_gateways_are_killed(job: GatewayJob) -> None:
    with gateways(job) as both:
        kills = [partial(both.kill, 0), partial(both.kill, 1)]

        told = all_deposited(both.urls, "killed", 4, 8, kills)

        assert_each_counts_once(told)
        assert balances(both.urls, told) == {id: len(found) for id, found in told.items()}


@pytest.mark.slow
@pytest.mark.parametrize("final_answers", [False, True], ids=["at-least-once", "exactly-once"])
def test_each_message_counts_once_through_failures_of_all_parts(
    own_broker: Broker, tmp_path: Path, final_answers: bool
) -> None:
    own_broker.start()
    job = new_job(own_broker, tmp_path, "failing", final_answers=final_answers)

    def crash() -> None:
        job.jvm.crash()

    def restart(end: Callable[[], None]) -> None:
        end()
        own_broker.start()

    try:
        with gateways(job) as both:
            kills: list[Callable[[], None]] = [
                partial(both.kill, 0),
                crash,
                partial(restart, own_broker.kill),
                partial(both.kill, 1),
            ]
            failures: list[Callable[[], None]] = [*kills, partial(restart, own_broker.stop), crash, *kills]

            told = all_deposited(both.urls, "failing", 6, 60, failures)

            assert balances(both.urls, told) == {id: len(found) for id, found in told.items()}
            if final_answers:  # otherwise the job may undo, and do again in another order, what was told
                assert_each_counts_once(told)
    finally:
        job.close()
