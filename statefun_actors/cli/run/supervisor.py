"""The processes of ``run --partitions``, one for each partition; one that dies is started again alone."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.assembly.partitions import Neighbours
from statefun_actors.cli.output import echo
from statefun_actors.cli.processes import Ended, Supervisor, Work
from statefun_actors.cli.restarts import STEADY, Restarts
from statefun_actors.cli.run.account import Account
from statefun_actors.cli.run.counts import Counts
from statefun_actors.cli.run.listening import STOPPING
from statefun_actors.cli.run.partition_process import run_partition
from statefun_actors.cli.run.partition_run import Failed, Ready
from statefun_actors.cli.run.partition_task import PartitionTask
from statefun_actors.cli.run.printing import printing
from statefun_actors.cli.run.rest import Busy, Jump, Rest, all_at_rest
from statefun_actors.cli.run.shared_clock import SharedClock, clock_in, new_clock
from statefun_actors.cli.run.standing_in import respond_meanwhile
from statefun_actors.cli.run.summary import Summary
from statefun_actors.engine import SystemClock
from statefun_actors.http import Listener
from statefun_actors.own_logger import own_logger
from statefun_actors.partitions import Partition
from statefun_actors.store.partitioned import Layout
from statefun_actors.system import real_path

logger: Final = own_logger("statefun_actors.partitions")

_MOST_FAILURES: Final = 6
"""Ends in a row, each before it was steady, after which a run with an end is given up."""
_LONG: Final = 1.0
"""Seconds of a pause in which clients are not left to wait."""
_LONGEST_PATH: Final = 90
"""Bytes of the folder of sockets: the kernel limits their paths to about 100."""


@attrs.frozen
class Outcome:
    """The end of all partitions.

    Args:
        exit_code: 0 if all has gone well so far.
        signal: the one that stopped them, if one did.
        done: whether nothing is left to do, or a partition has ended the run.
        error: why it was given up; None: it was not.
        seconds: of the run.
        summaries: of each partition, with the counts of all its processes; None: none of them has begun to work.
    """

    exit_code: int
    signal: signal.Signals | None
    done: bool
    error: str | None
    seconds: float
    summaries: Sequence[Summary | None]


def supervise(
    task: PartitionTask, layout: Layout, listeners: Sequence[Listener], announce: Callable[[], None], *, quiet: bool
) -> Outcome:
    """Run the partitions of *layout* until Ctrl-C or SIGTERM, or until nothing is left to do.

    Args:
        task: what they share.
        layout: their number, and the id of the system.
        listeners: with a socket for each partition.
        announce: called once all partitions are ready.
        quiet: whether only errors are shown.
    """
    began = time.monotonic()
    group = _Partitions(task, layout, listeners, announce, quiet=quiet)
    supervisor = Supervisor(group, listeners)
    group.send = supervisor.send
    try:
        with printing(group.sockets, task.options.egress.values()):
            exit_code = supervisor.to_the_end()
    finally:
        group.abandon()
    summaries = [state.account.summary(number, task.store) for number, state in enumerate(group.states)]
    seconds = time.monotonic() - began
    return Outcome(exit_code, supervisor.signal, group.done, group.error, seconds, summaries)


@attrs.define
class _State:
    """What is known of one partition."""

    restarts: Restarts = attrs.field(factory=Restarts)
    error: str | None = None
    """The error that ends its process."""
    ready: bool = False
    """Whether it has ever been ready."""
    account: Account = attrs.field(factory=Account)
    rest: Rest | None = None
    """The last report of its process that it has nothing to do; None: it has something to do, or is starting."""


class _Partitions:
    """The group of all partitions."""

    def __init__(
        self,
        task: PartitionTask,
        layout: Layout,
        listeners: Sequence[Listener],
        announce: Callable[[], None],
        *,
        quiet: bool,
    ) -> None:
        self._listeners, self._announce, self._quiet = listeners, announce, quiet
        self._until_idle = task.options.until_idle
        self.announced = self.done = self._failing_shown = False
        self.error: str | None = None
        """Why the run was given up."""
        self.sockets, self._temporary = _folder_of_sockets(task.store)
        self._clock = new_clock(self.sockets) if task.options.fire_timers else SystemClock()
        self.send: Callable[[int, object], None] = lambda _number, _message: None
        """Sends a message to a partition."""
        self.states = [_State() for _ in range(layout.partitions)]
        self.works: Sequence[Work] = [
            Work(
                f"partition {own}",
                run_partition,
                (task, self._neighbours(layout.part(own), task, layout)),
            )
            for own in range(layout.partitions)
        ]
        self.stopping: str | None = None if quiet else STOPPING

    def _neighbours(self, own: Partition, task: PartitionTask, layout: Layout) -> Neighbours:
        return Neighbours(own, layout.system, self.sockets, task.store, task.egresses)

    def reported(self, number: int, report: Ready | Rest | Busy | Counts | Failed | Summary, *, stopping: bool) -> None:
        state = self.states[number]
        if isinstance(report, Rest):
            state.rest = report
            self.done = self.done or self._is_done()
            return
        if isinstance(report, Busy):
            state.rest = None
            return
        if isinstance(report, Counts):
            state.account.counted(report)
            return
        if isinstance(report, Failed):
            state.error = report.error
            return
        if isinstance(report, Summary):
            state.account.summed_up(report)
            # One that was stopped alone, by a signal, is started again.
            self.done = self.done or (not stopping and report.ended in {"idle", "error"})
            return
        if stopping:
            return  # a partition that is stopped while it starts reports, too
        state.ready = True
        if not self.announced and all(each.ready for each in self.states):
            self.announced = True
            self._announce()

    def _is_done(self) -> bool:
        rests = [state.rest for state in self.states]
        if not all_at_rest(rests, self._clock.now_ms()):
            return False
        found = [rest for rest in rests if rest is not None]
        self._show_failing(found)
        if any(rest.failed for rest in found):
            return True
        return self._until_idle and all(rest.idle for rest in found) and not self._jumps(found)

    def _jumps(self, rests: Sequence[Rest]) -> bool:
        """Whether the clock jumps to the next due time, since delayed messages are pending that do not recur."""
        clock, dues = self._clock, [rest.until for rest in rests if rest.until is not None]
        if not (isinstance(clock, SharedClock) and dues and any(rest.pending for rest in rests)):
            return False
        clock.jump_to(min(dues))
        now = clock.now_ms()
        for number, rest in enumerate(rests):
            if rest.until is not None and rest.until <= now:
                self.send(number, Jump())
        return True

    def _show_failing(self, rests: Sequence[Rest]) -> None:
        """Say once that only messages are left that keep failing, in the words of the first partition with some."""
        failing = [rest.failing for rest in rests if rest.failing is not None]
        wanted = self._until_idle and not self._quiet and not self._failing_shown
        if failing and wanted and all(rest.idle or rest.failing is not None for rest in rests):
            self._failing_shown = True
            echo(failing[0], err=True)

    def ended(self, number: int, ended: Ended) -> float | None:
        if self.done:
            return 0.0
        state = self.states[number]
        state.rest = None
        if not state.ready:
            echo(f"Error: {ended.name} {ended.how} before it was ready, so all partitions are stopped.", err=True)
            return None
        pause = state.restarts.pause(ended)
        if self._until_idle and state.restarts.failures >= _MOST_FAILURES:
            self.error, self.done = _given_up(ended, state.error), True
            return 0.0
        state.error = None
        state.account.begun_again()
        again = "it is started again"
        if pause >= _LONG:
            again = f"{again} in {pause:g} s"
            respond_meanwhile(ended.name, [listener.sockets[number] for listener in self._listeners], pause)
        restarts = state.account.restarts
        logger.warning("%s %s; %s%s", ended.name, ended.how, again, f", restart {restarts}" if restarts > 1 else "")
        return pause

    def abandon(self) -> None:
        clock_in(self.sockets).unlink(missing_ok=True)
        if self._temporary:
            shutil.rmtree(self.sockets, ignore_errors=True)


def _given_up(ended: Ended, error: str | None) -> str:
    """The error of a run that *ended* has ended: its process has ended again and again, last because of *error*."""
    if error is not None:
        last, instead = f"the last time by an error: {error}", ""
    elif ended.exit_code == -signal.SIGKILL:
        last = f"the last time it {ended.how}"
        instead = "The system does that if there is not enough memory. "
    else:
        last = f"the last time it {ended.how}"
        instead = "Its output may say why; with PYTHONFAULTHANDLER=1 a crash prints where it happened. "
    return (
        f"{ended.name} has ended {_MOST_FAILURES} times in a row, each time within {STEADY:g} s of its start, "
        f"{last.removesuffix('.')}. {instead}All that was acknowledged is stored: remove the cause, and run again."
    )


def _folder_of_sockets(store: Path) -> tuple[Path, bool]:
    """A folder for Unix sockets, which only this user can access; and whether it was made for that."""
    folder = real_path(store)
    if len(os.fsencode(folder)) <= _LONGEST_PATH and str(folder).isprintable():
        return folder, False
    return Path(tempfile.mkdtemp(prefix="statefun-actors-")), True
