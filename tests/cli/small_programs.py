"""Small programs in place of partitions and workers. The processes that run them import nothing else."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket


def leave_a_child(fifo: str, sockets: Sequence[socket], reports: Connection) -> None:
    """End at once. A child holds the other end of *reports* until *fifo* is opened for writing."""
    if os.fork() == 0:
        with Path(fifo).open("rb"):
            os._exit(0)


def report(sockets: Sequence[socket], reports: Connection) -> None:
    """Send one report, and end."""
    reports.send("a report")


def wait_for_the_end(sockets: Sequence[socket], reports: Connection) -> None:
    """Send the supervisor a signal, and end by that of the supervisor."""
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()


def report_and_wait(sockets: Sequence[socket], reports: Connection) -> None:
    """Send one report, and wait for the signal of the supervisor."""
    reports.send("a report")
    signal.pause()


def stop_all_and_fail(sockets: Sequence[socket], reports: Connection) -> None:
    """Send the supervisor a signal, and end with an error, not by its SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    os.kill(os.getppid(), signal.SIGINT)
    sys.exit(3)
