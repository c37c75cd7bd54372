"""The supervisor of several processes, with small programs in place of partitions and workers."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, redirect_stderr
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket

import attrs
import pytest

from statefun_actors.cli.logs import LogOptions
from statefun_actors.cli.output import echo
from statefun_actors.cli.processes import Ended, Supervisor, Work
from statefun_actors.cli.run.counts import Count
from statefun_actors.cli.run.options import RunOptions
from statefun_actors.cli.run.partition_run import Failed, Ready
from statefun_actors.cli.run.partition_task import PartitionTask
from statefun_actors.cli.run.summary import Summary
from statefun_actors.cli.run.supervisor import _Partitions
from statefun_actors.settings import Settings
from statefun_actors.store.partitioned import Layout
from tests.cli.small_programs import leave_a_child, report, report_and_wait, stop_all_and_fail, wait_for_the_end

pytestmark = pytest.mark.usefixtures("restored_signal_handlers")


@attrs.define
class Processes:
    """A group that keeps no account."""

    works: Sequence[Work]
    stopping: str | None = None
    done: bool = False

    def reported(self, number: int, report: object, *, stopping: bool) -> None: ...

    def ended(self, number: int, ended: Ended) -> float | None:
        return None

    def abandon(self) -> None: ...


@attrs.define
class Restarted(Processes):
    """A group whose process is started once again, after a pause in which the child of the first one ends."""

    fifo: Path = Path()
    began: list[float] = attrs.field(factory=list)
    """The CPU time of this thread when a process has ended, in seconds."""

    def ended(self, number: int, ended: Ended) -> float | None:
        self.fifo.open("wb").close()
        self.began.append(time.thread_time())
        return None if len(self.began) > 1 else 1.0


@attrs.define
class Printed(Processes):
    """A group that prints reports."""

    def reported(self, number: int, report: object, *, stopping: bool) -> None:
        echo(str(report), err=True)


@contextmanager
def full_disk() -> Generator[None]:
    """Standard error can't be written, which is an error of the command."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        unwritable = redirect_stderr(io.TextIOWrapper(full, write_through=True))
        with unwritable, pytest.raises(OSError, match="No space left"):
            yield


def test_an_error_of_printing_a_report_stops_all_processes() -> None:
    with full_disk():
        Supervisor(Printed([Work("it", report, [])]), []).to_the_end()
    assert not multiprocessing.active_children()


def test_an_error_of_printing_that_all_stop_stops_them_nevertheless() -> None:
    with full_disk():
        Supervisor(Processes([Work("it", wait_for_the_end, [])], stopping="Stopping."), []).to_the_end()
    assert not multiprocessing.active_children()


def test_a_pause_before_a_restart_takes_no_cpu_after_a_child_of_the_process_has_ended(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    group = Restarted([Work("it", leave_a_child, [str(fifo)])], fifo=fifo)
    assert Supervisor(group, []).to_the_end() == 1
    first, second = group.began
    assert second - first < 0.2


@attrs.define
class WithEnds(Processes):
    """A group that notes the processes that have ended. A report waits for the end of the process "failing"."""

    names: list[str] = attrs.field(factory=list)

    def reported(self, number: int, report: object, *, stopping: bool) -> None:
        for each in multiprocessing.active_children():
            if each.name == "failing":
                each.join()

    def ended(self, number: int, ended: Ended) -> float | None:
        self.names.append(ended.name)
        return 0.0


def test_a_process_that_ends_after_the_signal_is_not_started_again() -> None:
    group = WithEnds([Work("reporting", report_and_wait, []), Work("failing", stop_all_and_fail, [])])
    assert Supervisor(group, []).to_the_end() == 1
    assert group.names == []


# --- partitions


@pytest.fixture
def partition(tmp_path: Path) -> _Partitions:
    """A group of one partition. It prints when it announces that all are ready."""
    task = PartitionTask(
        app="app.py",
        path=tuple(sys.path),
        settings=Settings(),
        logs=LogOptions("info"),
        metrics=False,
        options=RunOptions(store=tmp_path, cache_bytes=1, egress={}, egress_backlog=1),
        names=[],
        renamed={},
    )
    return _Partitions(
        task, Layout(partitions=1, system="s"), [], lambda: print("Running", file=sys.stderr), quiet=False
    )


def summary_of(app: str) -> Summary:
    """The summary of a run of *app* that did nothing."""
    return Summary(
        app=app, store=None, ended="idle", error=None, bad_line=False, seconds=0.0, lines=Count(), skipped=Count(),
        records={}, bad_records=0, handled=0, timers=Count(), timers_fired=0, waiting=0, egress={}, targets={}, kept=0,
        kept_names=[], dead_letters=Count(), discarded=0, entities={}, parked={}, failing=[], failing_egress={},
    )  # fmt: skip


_OTHERWISE = "All that was acknowledged is stored: remove the cause, and run again."


@pytest.mark.parametrize(
    ("exit_code", "error", "last"),
    [
        (
            1,
            "in.jsonl has changed. Restore it.",
            f"the last time by an error: in.jsonl has changed. Restore it. {_OTHERWISE}",
        ),
        (
            3,
            None,
            "the last time it ended with exit code 3. Its output may say why; with PYTHONFAULTHANDLER=1 a crash prints "
            f"where it happened. {_OTHERWISE}",
        ),
        (
            -9,
            None,
            f"the last time it was killed by SIGKILL. The system does that if there is not enough memory. {_OTHERWISE}",
        ),
    ],
)
def test_a_run_with_an_end_is_given_up_after_a_partition_has_ended_six_times(
    partition: _Partitions, exit_code: int, error: str | None, last: str
) -> None:
    partition._until_idle = True
    partition.reported(0, Ready(), stopping=False)
    pauses: list[float | None] = []
    for seconds in (1.0, 1.0, 31.0, *[1.0] * 6):
        assert not partition.done
        if error is not None:
            partition.reported(0, Failed(error), stopping=False)
        pauses.append(partition.ended(0, Ended("partition 0", exit_code, seconds)))
    assert pauses == [0.05, 0.1, 0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 0.0]
    assert (partition.done, partition.error) == (
        True,
        f"partition 0 has ended 6 times in a row, each time within 30 s of its start, {last}",
    )


def test_a_run_without_an_end_is_never_given_up(partition: _Partitions) -> None:
    partition.reported(0, Ready(), stopping=False)
    pauses = [partition.ended(0, Ended("partition 0", 1, 1.0)) for _ in range(20)]
    assert pauses[-1] == 10.0
    assert (partition.done, partition.error) == (False, None)


def stop_during_the_start(sockets: Sequence[socket], reports: Connection) -> None:
    """Stop the supervisor before a report that the partition is ready; report a large summary after SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    os.kill(os.getppid(), signal.SIGINT)
    signal.sigwait([signal.SIGTERM])
    reports.send(Ready())
    reports.send(summary_of("x" * 1_000_000))


def test_nothing_is_announced_after_the_stop_has_begun(
    partition: _Partitions, capsys: pytest.CaptureFixture[str]
) -> None:
    partition.works = [Work("partition 0", stop_during_the_start, [])]
    assert Supervisor(partition, []).to_the_end() == 0
    assert capsys.readouterr().err == (
        "Stopping: running handlers finish, and results are stored. Repeat to stop at once.\n"
    )
    assert (partition.announced, partition.done) == (False, False)
    assert partition.states[0].account._summary == summary_of("x" * 1_000_000)
