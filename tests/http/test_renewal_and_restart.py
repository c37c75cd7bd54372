"""A worker of ``serve`` that dies while the files of its certificates are being replaced."""

from __future__ import annotations

import os
import signal
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from statefun_actors.cli import main
from tests.http.serving import Server, serving
from tests.http.slow_app import eventually
from tests.http.test_certificates import APP, REFUSED, Files


def workers_of(server: Server) -> set[int]:
    """The processes of the workers, by their ids."""
    found: set[int] = set()
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            with suppress(OSError, IndexError):
                parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == server.process.pid and b"spawn_main" in (each / "cmdline").read_bytes():
                    found.add(int(each.name))
    return found


def is_served(files: Files, server: Server, certificate: str) -> bool:
    with suppress(*REFUSED):
        return files.status(server, "client", server=certificate) == 200
    return False


def test_a_worker_whose_certificate_has_no_key_yet_waits_for_it(certificates: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    files = Files(certificates, tmp_path)
    with serving(tmp_path / "app.py", "--workers", "2", *files.options, is_forked=False) as server:
        eventually(lambda: is_served(files, server, "server"), "a worker serves")
        files.write("server.pem", files.path("stranger.pem").read_text())  # its key follows
        os.kill(min(workers_of(server)), signal.SIGKILL)
        pair = f"{tmp_path / 'server.pem'} and {tmp_path / 'server.key'}"
        error = f": {pair} are not a certificate and its key: "
        eventually(lambda: sum(error in line for line in server.shown) > 1, "it has tried twice")
        assert server.process.poll() is None
        files.write("server.key", files.path("stranger.key").read_text())
        eventually(lambda: is_served(files, server, "stranger"), "the new certificate is used")
        code, shown = server.stop()
    assert code == 0
    assert "Traceback" not in shown
    line = next(line for line in server.shown if error in line)
    assert line.startswith("Error: worker ")
    assert line.rstrip("\n").endswith(")")


def test_a_first_start_with_a_key_of_another_certificate_is_refused(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    pair = ("--certfile", str(certificates / "server.pem"), "--keyfile", str(certificates / "stranger.key"))
    result = CliRunner().invoke(main, ["serve", "app.py", "--workers", "2", "--bind", "127.0.0.1:0", *pair])
    with pytest.raises(ssl.SSLError) as caught:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair[1], pair[3])
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == (
        f"Error: {pair[1]} and {pair[3]} are not a certificate and its key: {caught.value}."
    )


def test_files_that_change_while_the_application_is_loaded_are_refused(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [tmp_path / "server.pem", tmp_path / "server.key"]
    for path in pair:
        path.write_bytes((certificates / path.name).read_bytes())
    renewal = f"\nfrom pathlib import Path\n\nPath({str(pair[0])!r}).write_text('half a file')\n"
    (tmp_path / "app.py").write_text(APP + renewal, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    options = ["--bind", "127.0.0.1:0", "--certfile", str(pair[0]), "--keyfile", str(pair[1])]
    result = CliRunner().invoke(main, ["serve", "app.py", *options])
    assert result.exit_code == 1
    start = f"Error: {pair[0]} and {pair[1]} are not a certificate and its key: "
    assert result.output.splitlines()[-1].startswith(start)
