"""A rollout under load: a new ``serve`` takes the place of an old one, as a Deployment of Kubernetes replaces a pod."""

from __future__ import annotations

import http.client
import itertools
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.http.serving import DEADLINE, Server, serving
from tests.http.slow_app import APP, eventually, lines, slow

CLIENTS = 6
MORE = 3
"""Requests that each client sends between two steps of the rollout."""


class Service:
    """The servers that get new connections, in turn; connections that exist stay where they are."""

    def __init__(self, *servers: Server) -> None:
        self._turn = itertools.count()
        self.servers = servers

    def connection(self) -> http.client.HTTPConnection:
        servers = self.servers
        return servers[next(self._turn) % len(servers)].connection()


class Client(threading.Thread):
    """Sends one request after the other, over a connection that it keeps while the server does.

    As HTTP's clients do, it sends a request again if a connection that it had kept ends without a byte of a response.
    """

    def __init__(self, number: int, service: Service) -> None:
        super().__init__(daemon=True)
        self._body, self._service = slow(f"{number}", 1), service
        self._connection = service.connection()
        self.answered = 0
        self.failures: list[object] = []
        self.stopping = threading.Event()

    @property
    def port(self) -> int:
        """Where its last request went."""
        return self._connection.port

    def run(self) -> None:
        while not (self.stopping.is_set() or self.failures):
            try:
                self._count(self._response())
            except (http.client.HTTPException, OSError) as error:
                self.failures.append(error)
        self._connection.close()

    def _response(self) -> http.client.HTTPResponse:
        if self._connection.sock is not None:
            with suppress(http.client.RemoteDisconnected, ConnectionError):
                return self._sent()
            self._connection.close()
        self._connection = self._service.connection()
        return self._sent()

    def _sent(self) -> http.client.HTTPResponse:
        self._connection.request("POST", "/statefun", self._body)
        return self._connection.getresponse()

    def _count(self, response: http.client.HTTPResponse) -> None:
        text = response.read()
        if response.status == 200:
            self.answered += 1
        else:
            self.failures.append((response.status, text))


def status_of(server: Server, path: str) -> int | None:
    """None once nobody listens any more."""
    connection = server.connection()
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


def all_go_on(clients: list[Client]) -> None:
    """Wait until each client has got some more answers, or one has failed."""
    aims = [each.answered + MORE for each in clients]
    eventually(
        lambda: (
            any(each.failures for each in clients)
            or all(each.answered >= aim for each, aim in zip(clients, aims, strict=True))
        ),
        "all clients go on",
    )


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(APP, encoding="utf-8")
    (tmp_path / "log").touch()
    return path


def test_a_rollout_under_load_fails_no_request_and_loses_none(app: Path) -> None:
    with serving(app, "--workers", "2") as old:
        service = Service(old)
        clients = [Client(number, service) for number in range(CLIENTS)]
        for each in clients:
            each.start()
        all_go_on(clients)
        with serving(app, "--workers", "2") as new:
            eventually(lambda: status_of(new, "/readyz") == 200, "the new one is ready")
            service.servers = (old, new)
            all_go_on(clients)

            # The old pod leaves the Service. Meanwhile it sleeps (preStop), and is as it was.
            service.servers = (new,)
            all_go_on(clients)
            assert {each.port for each in clients} == {old.port}
            assert status_of(old, "/readyz") == 200

            old.process.send_signal(signal.SIGTERM)
            eventually(lambda: status_of(old, "/readyz") in {503, None}, "the old one is not ready")
            all_go_on(clients)
            assert old.process.wait(DEADLINE) == 0
            all_go_on(clients)
            for each in clients:
                each.stopping.set()
            for each in clients:
                each.join(DEADLINE)
            code, shown = new.stop()

        old.reader.join(DEADLINE)
        assert [each.failures for each in clients] == [[]] * CLIENTS
        assert {each.port for each in clients} == {new.port}
        assert lines(app).count("handled") == sum(each.answered for each in clients)
        assert code == 0
        assert "Traceback" not in "".join(old.shown) + shown
