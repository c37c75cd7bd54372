"""Workers of ``serve`` that end, with small programs in their place."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket

import pytest

from statefun_actors.cli.processes import Ended, Supervisor, Work
from statefun_actors.cli.serve.workers import Ready, _Workers

pytestmark = pytest.mark.usefixtures("restored_signal_handlers")


def serve_once(starts: str, sockets: Sequence[socket], reports: Connection) -> None:
    """The first one serves and is killed, the next two are killed before they serve, the last one ends the test."""
    count = len(Path(starts).read_bytes())
    with Path(starts).open("ab") as file:
        file.write(b"x")
    if count == 0:
        reports.send(Ready())
    if count < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()


def never_serve(sockets: Sequence[socket], reports: Connection) -> None:
    sys.exit(3)


def test_a_worker_that_ends_while_it_starts_again_is_started_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    starts = tmp_path / "starts"
    starts.touch()
    group = _Workers([Work("worker 1", serve_once, [str(starts)])])
    assert Supervisor(group, []).to_the_end() == 0
    killed = "worker 1 was killed by SIGKILL; it is started again\n"
    assert capfd.readouterr().err == f"{killed * 3}{group.stopping}\n"


def test_if_no_worker_has_ever_served_all_are_stopped(capfd: pytest.CaptureFixture[str]) -> None:
    group = _Workers([Work("worker 1", never_serve, [])])
    assert Supervisor(group, []).to_the_end() == 3
    assert capfd.readouterr().err == (
        "Error: worker 1 ended with exit code 3 before any worker was ready, so all are stopped.\n"
    )


def test_the_pause_before_a_restart_grows_for_each_worker(capfd: pytest.CaptureFixture[str]) -> None:
    group = _Workers([Work(f"worker {number}", never_serve, []) for number in (1, 2)])
    group.reported(1, Ready(), stopping=False)
    killed = Ended("worker 1", -9, 29.0)
    pauses = [group.ended(0, killed) for _ in range(10)]
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert capfd.readouterr().err.splitlines()[4:6] == [
        "worker 1 was killed by SIGKILL; it is started again",
        "worker 1 was killed by SIGKILL; it is started again in 1.6 s",
    ]
    assert group.ended(1, Ended("worker 2", 1, 0.0)) == 0.05
    assert group.ended(0, Ended("worker 1", 1, 31.0)) == 0.0
