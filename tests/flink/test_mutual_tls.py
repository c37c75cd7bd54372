"""Mutual TLS between the real Flink and ``serve --ca-certs``: who gets an answer, also with renewed certificates."""

from __future__ import annotations

import http.client
import re
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import join, self_signed
from tests.cluster.command import wait_until
from tests.flink.app import Count
from tests.flink.distribution import HERE
from tests.flink.seen import Flink
from tests.flink.served import ServedApp
from tests.flink.session import session

pytestmark = pytest.mark.flink

CLIENTS = ("expired", "known", "nobody", "stranger")
FIRST = [(client, 0) for client in CLIENTS]


class Endpoint:
    """``serve`` behind TLS, with files that a test replaces: *folder*/{now,now-key,clients}.pem."""

    def __init__(self, flink: Flink, folder: Path) -> None:
        self._flink, self._folder = flink, folder
        self._port, self._certificates = session().secured.number, session().certificates
        self._app: ServedApp | None = None

    def present(self, server: str) -> None:
        """The server's certificate is *server*."""
        for suffix in ("key", "pem"):
            shutil.copy(self._certificates / f"{server}.{suffix}", self._folder / "new")
            (self._folder / "new").replace(self._folder / f"server.{suffix}")

    def take(self, *clients: str) -> None:
        """Certificates of *clients* are those that are taken."""
        join(self._certificates, "taken", *clients)
        (self._certificates / "taken.pem").replace(self._folder / "clients.pem")

    def renew(self, client: str) -> None:
        """Put another certificate of *client* where Flink reads it."""
        made = self._folder / "made"
        made.mkdir()
        self_signed(made, client)
        for file in made.iterdir():
            file.replace(self._certificates / file.name)

    def start(self, *, mutual: bool) -> None:
        """Serve; with *mutual* only to clients that show a certificate that is taken."""
        self.close()
        options = ["--certfile", "server.pem", "--keyfile", "server.key", *(["--ca-certs", "clients.pem"] * mutual)]
        options[1::2] = [str(self._folder / name) for name in options[1::2]]
        self._app = ServedApp(HERE / "secured.py", self._port, *options)
        self._app.start()

    def close(self) -> None:
        if self._app is not None:
            self._app.close()

    def send(self, number: int, *clients: str) -> None:
        """*number* to the function that Flink reaches as each of *clients*."""
        for client in clients:
            self._flink.send(self._flink.at(f"secured/{client}"), Count(number))

    def came(self, count: int) -> list[tuple[str, int]]:
        """What came through so far, as (client, number), sorted; waits for *count* of them."""
        return sorted(self._flink.seen(count))

    def wait_refused(self, *clients: str) -> None:
        """Return once requests of Flink have failed as each of *clients*."""
        id = re.escape(self._flink.at("secured/known").id)
        pattern = rf"Exception caught.*address=Address\(secured, (\w+), {id}\)"
        refused: set[str] = set()

        def all_refused() -> bool:
            refused.update(re.findall(pattern, self._flink.jvm.log()))
            return refused >= set(clients)

        wait_until(all_refused, f"Flink to be refused as each of {', '.join(clients)}")

    def presented(self) -> str:
        """The server's certificate, as a client sees it that is taken."""
        context = ssl.create_default_context(cafile=self._certificates / "servers.pem")
        context.load_cert_chain(self._certificates / "client.pem", self._certificates / "client.key")
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=30, context=context)
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert(binary_form=True)
        connection.close()
        assert certificate is not None
        return ssl.DER_cert_to_PEM_cert(certificate)


@pytest.fixture
def endpoint(flink: Flink, tmp_path: Path) -> Iterator[Endpoint]:
    """One that takes everybody, and has answered each first call. While such a call fails, Flink makes no other."""
    endpoint = Endpoint(flink, tmp_path)
    endpoint.present("server")
    endpoint.start(mutual=False)
    endpoint.send(0, *CLIENTS)
    endpoint.came(4)
    yield endpoint
    endpoint.close()


def test_without_a_certificate_or_with_an_expired_or_unknown_one_flink_is_turned_away(endpoint: Endpoint) -> None:
    endpoint.take("client", "expired")
    endpoint.start(mutual=True)
    endpoint.send(1, *CLIENTS)
    endpoint.wait_refused("stranger", "expired", "nobody")
    assert endpoint.came(5) == sorted([*FIRST, ("known", 1)])

    endpoint.start(mutual=False)  # it was for the certificates alone; and Flink has nothing left to try again

    assert endpoint.came(8) == sorted([*FIRST, *((client, 1) for client in CLIENTS)])


def test_certificates_are_renewed_under_flink_without_a_restart(endpoint: Endpoint) -> None:
    endpoint.take("client")
    endpoint.start(mutual=True)
    endpoint.send(1, "stranger", "known")
    endpoint.wait_refused("stranger")
    assert endpoint.came(5) == sorted([*FIRST, ("known", 1)])

    endpoint.present("renewed")
    endpoint.take("client", "stranger")

    assert endpoint.came(6) == sorted([*FIRST, ("known", 1), ("stranger", 1)])
    assert endpoint.presented() == (session().certificates / "renewed.pem").read_text()
    endpoint.send(2, "known", "stranger")
    assert endpoint.came(8) == sorted([*FIRST, *((client, n) for client in ("known", "stranger") for n in (1, 2))])


def test_flink_shows_its_renewed_certificate_once_its_job_has_started_again(endpoint: Endpoint, flink: Flink) -> None:
    endpoint.renew("stranger")
    endpoint.take("stranger")
    endpoint.start(mutual=True)
    endpoint.send(1, "stranger")
    endpoint.wait_refused("stranger")
    flink.checkpoint()
    assert endpoint.came(4) == FIRST

    flink.crash()

    assert endpoint.came(5) == sorted([*FIRST, ("stranger", 1)])
