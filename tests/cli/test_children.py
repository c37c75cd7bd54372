"""Child processes that a handler forks: Python's own signal handlers, and nothing that is shared with the parent."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from statefun_actors import Address
from tests.cli.commands import DEADLINE, lines_of, run, started, wait_until
from tests.http.serving import request, serving

APP = """
import multiprocessing
import os
import signal
from pathlib import Path
from statefun_actors import Entity, handles

FORK = multiprocessing.get_context("fork")


def stay(ready):
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # who reads what the parent prints need not wait for this one
        os.dup2(nowhere, standard)
    found = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    own = [signal.default_int_handler, signal.SIG_DFL, signal.SIG_DFL]
    ready.send([found == own, signal.set_wakeup_fd(-1) == -1])
    signal.pause()


class Worker(Entity, typename="test/worker"):
    @handles(blocking=True)
    def work(self, message: str) -> None:
        here, there = FORK.Pipe()
        child = FORK.Process(target=stay, args=(there,))
        child.start()
        found = here.recv()
        if message == "end":
            child.terminate()
            child.join(10)
            Path("ended").write_text(f"{found} {child.exitcode}")
        else:
            Path("child.new").write_text(f"{child.pid}")
            os.rename("child.new", "child")
        self.send_egress("test/out", message)
"""

OWN_HANDLERS_AND_ENDED = f"[True, True] {-signal.SIGTERM}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@contextlib.contextmanager
def child_of(folder: Path) -> Generator[None]:
    """The child that stays is killed in the end."""
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((folder / "child").read_text()), signal.SIGKILL)


def test_a_child_of_run_can_be_ended_and_holds_neither_port_nor_store_nor_egress_file(folder: Path) -> None:
    with child_of(folder):
        command = ["run", "app.py", "--egress", "test/out=out.jsonl", "--bind"]
        with started(*command, "127.0.0.1:0", folder=folder) as process:
            assert process.stderr is not None
            port = 0
            while not port:
                _, _, found = process.stderr.readline().partition("http://127.0.0.1:")
                port = int(found.partition("/")[0] or 0)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
            headers = {"content-type": "application/json"}
            for message in ("end", "stay"):
                connection.request("PUT", "/ingress/test/worker/a?wait=20s", f'"{message}"', headers)
                response = connection.getresponse()
                response.read()
                assert response.status == 204
            process.kill()
            process.wait()
            assert connection.sock is not None
            assert connection.sock.recv(1) == b""  # the end of the connection, which the child has not kept open
            connection.close()
        with started(*command, f"127.0.0.1:{port}", folder=folder) as again:
            assert again.stderr is not None
            reported = again.stderr.readline()
            assert reported.startswith("Running test/worker"), reported + again.stderr.read()
            assert (
                run("send", "app.py", "test/worker/b", "io.statefun.types/string", '"end"', folder=folder).returncode
                == 0
            )
            wait_until(lambda: len(lines_of(folder / "out.jsonl")) == 3, "the record of the second run is written")
        os.kill(int((folder / "child").read_text()), 0)  # it has lived all the time

    assert (folder / "ended").read_text() == OWN_HANDLERS_AND_ENDED


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_child_of_serve_can_be_ended_and_its_parent_stops_while_it_lives(folder: Path, workers: str) -> None:
    with child_of(folder), serving(folder / "app.py", "--workers", workers) as server:
        ended = server.post(request(Address("test/worker", "a"), "end"))
        stays = server.post(request(Address("test/worker", "a"), "stay"))
        child = int((folder / "child").read_text())
        server.process.send_signal(signal.SIGTERM)
        # A child that is no daemon is waited for by multiprocessing, so it is ended once the port is free.
        wait_until(lambda: refused(server.port), "nobody listens any more")
        os.kill(child, signal.SIGTERM)
        code = server.process.wait(DEADLINE)

    assert (ended[0], stays[0], code) == (200, 200, 0)
    assert (folder / "ended").read_text() == OWN_HANDLERS_AND_ENDED


def refused(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return True
    finally:
        connection.close()
    return False
