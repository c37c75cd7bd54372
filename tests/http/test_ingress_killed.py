"""Killed while clients send: what was acknowledged happened, and what is sent again under its key happens once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from itertools import chain
from pathlib import Path

import pytest

from tests.cli.commands import run, states
from tests.http.running import JSON, Running, running

APP = """
from statefun_actors import Address, Entity, handles, persisted

class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += message
        self.send(Address("test/total", self.id[:1]), message)
        return self.n

class Total(Entity, typename="test/total"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        self.n += message
"""

CLIENTS, EACH = 4, 60


class Clients:
    """Several that send, each on a connection of its own, until all is acknowledged or the server is gone."""

    def __init__(self, acknowledged: int) -> None:
        self._wanted = acknowledged
        self.enough = threading.Event()
        """Set once so many have been acknowledged."""
        self._lock = threading.Lock()
        self._acknowledged = 0

    def send(self, server: Running, ids: Sequence[str], query: str) -> dict[str, tuple[int, bytes]]:
        """The answers that came, by id; ids that got none are missing."""
        answers: dict[str, tuple[int, bytes]] = {}
        connection = server.connection()
        try:
            for id in ids:
                headers = {"Content-Type": JSON, "Idempotency-Key": f"key {id}"}
                connection.request("PUT", f"/ingress/test/counter/{id}{query}", b"1", headers)
                response = connection.getresponse()
                answers[id] = response.status, response.read()
                self._count()
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        return answers

    def _count(self) -> None:
        with self._lock:
            self._acknowledged += 1
            if self._acknowledged >= self._wanted:
                self.enough.set()


@pytest.mark.parametrize(("query", "answer"), [("", (202, b"")), ("?wait=30s", (200, b"1"))])
@pytest.mark.parametrize("killed_after", [1, 37])
def test_what_is_acknowledged_happened_and_what_is_repeated_happens_once(
    tmp_path: Path, query: str, answer: tuple[int, bytes], killed_after: int
) -> None:
    (tmp_path / "app.py").write_text(APP)
    ids = [[f"{client}{number}" for number in range(EACH)] for client in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        with running(tmp_path) as server:
            clients = Clients(killed_after)
            sending = [pool.submit(clients.send, server, each, query) for each in ids]
            assert clients.enough.wait(30)
            server.process.kill()
            before = dict(chain.from_iterable(future.result().items() for future in sending))
        with running(tmp_path) as server:
            sending = [pool.submit(Clients(0).send, server, each, query) for each in ids]
            after = dict(chain.from_iterable(future.result().items() for future in sending))
            assert server.stop() == 0
    assert run("run", "app.py", "--until-idle", folder=tmp_path).returncode == 0

    found = states(tmp_path / ".statefun" / "app.db")
    assert killed_after <= len(before)
    assert set(before.values()) == {answer}
    assert len(after) == CLIENTS * EACH
    assert set(after.values()) == {answer}
    assert found == {
        **{f"test/counter/{id}": {"n": 1} for id in chain.from_iterable(ids)},
        **{f"test/total/{client}": {"n": EACH} for client in range(CLIENTS)},
    }
