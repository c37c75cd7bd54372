"""The faults, one after the other, each in the middle of a run of orders; and what came of it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from tests.cluster.command import children_of
from tests.faults.app import MENDED
from tests.faults.orders import Orders, Outcome, Sent, without_faults
from tests.faults.stage import Stage

CUSTOMERS: Final = 100
EACH: Final = 30
SECONDS: Final = 20.0
"""In which the orders of a run are sent."""
BEFORE: Final = 0.3
"""The part of the orders whose records must be there before the fault."""


@attrs.frozen(kw_only=True)
class Figures:
    """``difference`` from a run without faults is empty if there is none. ``silence`` is in seconds; ``replays`` is
    the number of orders that were handled again; ``failures`` is how often Flink reported a failure of the job.
    """

    fault: str
    difference: str
    silence: float
    replays: int
    failures: int

    def __str__(self) -> str:
        result = self.difference or "as without faults"
        return f"| {self.fault} | {self.silence:.1f} s | {self.replays} | {self.failures} | {result} |"


def run_all(stage: Stage, names: Sequence[str]) -> Iterator[Figures]:
    """The figures of the faults of these names."""
    expected = asyncio.run(without_faults(Orders(CUSTOMERS, EACH)))
    for name in names:
        yield _figures(stage, name, FAULTS[name], expected)


def _figures(stage: Stage, name: str, fault: Callable[[Stage], None], expected: Outcome) -> Figures:
    orders = Orders(CUSTOMERS, EACH, name.replace(" ", "_") + "-")
    handled, failures = stage.handled, stage.flink.said.count("The job failed")
    command = stage.flink
    with stage.producing(orders.sent(), SECONDS):
        stage.told.wait(orders.run, int(orders.told * BEFORE))
        begun = time.monotonic()
        fault(stage)
    stage.told.wait(orders.run, orders.told)
    silence = stage.told.silence(begun)
    stage.produce(orders.reports())
    stage.told.wait(orders.run, orders.told + orders.reporting)
    after = stage.flink.said.count("The job failed") - (failures if stage.flink is command else 0)
    return Figures(
        fault=name,
        difference=orders.outcome(stage.told.of(orders.run)).differs_from(expected),
        silence=silence,
        replays=stage.handled - handled - CUSTOMERS * EACH,
        failures=after,
    )


def _for(seconds: float) -> None:
    """The time that a fault takes."""
    time.sleep(seconds)


def _nothing(_: Stage) -> None:
    pass


def _task_manager(stage: Stage) -> None:
    before = stage.flink.pids["TaskManager 1"]
    os.kill(before, signal.SIGKILL)
    stage.flink.until(lambda: stage.flink.pids["TaskManager 1"] != before, "another TaskManager")


def _job_manager(stage: Stage) -> None:
    os.kill(stage.flink.pids["JobManager"], signal.SIGKILL)
    assert stage.flink.ended() == 1
    stage.run("--resume")


def _endpoint(stage: Stage) -> None:
    stage.endpoint.kill()
    _for(10)
    stage.endpoint.start()


def _slow(stage: Stage) -> None:
    stage.proxy.delay = 2.0
    _for(15)
    stage.proxy.delay = 0.0


def _failing(stage: Stage) -> None:
    stage.proxy.failing = True
    _for(30)
    stage.proxy.failing = False


def _worker(stage: Stage) -> None:
    os.kill(children_of(stage.endpoint.pid)[0], signal.SIGKILL)


def _broker(stage: Stage) -> None:
    stage.broker.kill()
    stage.broker.start()


def _rescaled(stage: Stage) -> None:
    code, output = stage.flink.stop()
    assert code == 0, stage.flink.said
    savepoint = output.splitlines()[-1].split()[1]
    stage.run("--from-savepoint", savepoint, parallelism=4)


def _poison(target: str) -> Sent:
    return f"faults.{target}.poison", "poisoned", b"{}"


def _poison_with_a_policy(stage: Stage) -> None:
    letters, failures = stage.letters(), stage.flink.said.count("The job failed")
    stage.produce([_poison("customer")])
    stage.flink.until(lambda: stage.letters() > letters, "a dead letter")
    assert stage.flink.said.count("The job failed") == failures


def _poison_without_a_policy(stage: Stage) -> None:
    failures = stage.flink.said.count("The job failed")
    stage.produce([_poison("stock")])
    stage.flink.until(lambda: stage.flink.said.count("The job failed") > failures, "the job to fail", 120)
    (stage.folder / MENDED).touch()
    stage.told.wait("poisoned", 1)


FAULTS: Final[Mapping[str, Callable[[Stage], None]]] = {
    "none": _nothing,
    "TaskManager killed": _task_manager,
    "JobManager killed, then flink --resume": _job_manager,
    "endpoint killed for 10 s": _endpoint,
    "endpoint slow: 2 s a request, for 15 s": _slow,
    "endpoint failing (500) for 30 s": _failing,
    "one of two endpoint workers killed": _worker,
    "broker killed and started": _broker,
    "stopped with a savepoint, resumed with parallelism 4": _rescaled,
    "a message that always fails, with a policy": _poison_with_a_policy,
    "the same without a policy, until new code takes it": _poison_without_a_policy,
}
