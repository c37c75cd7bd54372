"""Mutual TLS of ``serve``: which clients get an answer, also after the files of the certificates have changed."""

from __future__ import annotations

import http.client
import shutil
import ssl
from pathlib import Path

import pytest

from tests.certificates import expired
from tests.http.serving import Server, serving

REFUSED = (ssl.SSLError, http.client.HTTPException, ConnectionError)
APP = """
from statefun_actors import Entity, handles


class Door(Entity, typename="house/door"):
    @handles
    def knock(self, who: str) -> str:
        return who
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificates") / "app.py"
    path.write_text(APP, encoding="utf-8")
    return path


class Files:
    """The certificates of one server, which a test replaces."""

    def __init__(self, certificates: Path, folder: Path) -> None:
        self._certificates, self._folder = certificates, folder
        self.use("server", "client")
        self.options = ["--certfile", "server.pem", "--keyfile", "server.key", "--ca-certs", "clients.pem"]
        self.options[1::2] = [str(folder / name) for name in self.options[1::2]]

    def use(self, server: str, client: str) -> None:
        """The server presents *server*; clients must have *client*."""
        self._replace(f"{server}.pem", "server.pem")
        self._replace(f"{server}.key", "server.key")
        self._replace(f"{client}.pem", "clients.pem")

    def path(self, name: str) -> Path:
        """A certificate or key of a client."""
        return self._certificates / name

    def write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8")

    def _replace(self, source: str, name: str) -> None:
        shutil.copy(self._certificates / source, self._folder / "new")
        (self._folder / "new").replace(self._folder / name)

    def status(self, running: Server, client: str, server: str = "server") -> int:
        """The status of a request by *client*, which trusts *server*."""
        context = ssl.create_default_context(cafile=self._certificates / f"{server}.pem")
        context.load_cert_chain(self._certificates / f"{client}.pem", self._certificates / f"{client}.key")
        connection = running.connection(context)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def files(certificates: Path, tmp_path: Path) -> Files:
    return Files(certificates, tmp_path)


def test_renewed_certificates_are_used_without_a_restart(app: Path, files: Files) -> None:
    with serving(app, *files.options) as running:
        assert files.status(running, "client") == 200
        files.use("stranger", "stranger")

        assert files.status(running, "stranger", server="stranger") == 200
        with pytest.raises(REFUSED):
            files.status(running, "client", server="stranger")
        running.stop()

    files_in_use = ", ".join(files.options[1::2])
    assert any(line.endswith(f"read the changed certificates {files_in_use}\n") for line in running.shown)


@pytest.mark.parametrize("name", ["server.pem", "server.key", "clients.pem"])
def test_certificates_that_cannot_be_read_leave_those_in_use(app: Path, files: Files, name: str) -> None:
    with serving(app, *files.options) as running:
        assert files.status(running, "client") == 200  # it has read them
        files.write(name, "half a file")
        assert [files.status(running, "client") for _ in range(3)] == [200, 200, 200]
        files.use("server", "stranger")
        assert files.status(running, "stranger") == 200
        running.stop()

    [line] = [each for each in running.shown if "can't read" in each]
    files_in_use = ", ".join(files.options[1::2])
    kept = "so those in use remain until the files change again: SSLError"
    assert f"can't read the changed certificates {files_in_use}, {kept}" in line


def test_an_expired_client_is_refused(app: Path, files: Files, certificates: Path) -> None:
    expired(certificates, "expired")
    files.use("server", "expired")
    with serving(app, *files.options) as running, pytest.raises(REFUSED):
        files.status(running, "expired")


def test_a_client_whose_authority_was_removed_cannot_resume_its_session(app: Path, files: Files) -> None:
    with serving(app, *files.options) as running:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(files.path("client.pem"), files.path("client.key"))
        first = running.connection(context)
        first.request("GET", "/healthz")
        first.getresponse().read()
        assert isinstance(first.sock, ssl.SSLSocket)

        assert first.sock.session is None or not first.sock.session.has_ticket
        first.close()
