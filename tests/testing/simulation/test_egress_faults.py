"""Targets of egresses that refuse records for a while or take long: nothing is lost, written twice or out of order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import EgressQueue
from statefun_actors.store import EgressRecord
from statefun_actors.testing import Faults, SimulationError, TestRuntime, simulate
from statefun_actors.testing.faults import FaultSink, Hostility, RandomChoices
from statefun_actors.types import pack

SEEDS = 60


class Printer(Entity, typename="egress/printer"):
    pages: int = persisted(default=0)

    @handles(int)
    def print_pages(self, pages: int) -> None:
        for _ in range(pages):
            self.pages += 1
            self.send_egress("egress/pages", self.pages)


async def three_jobs(runtime: TestRuntime) -> list[Any]:
    for pages in (3, 1, 2):
        await runtime.tell(Printer.at("p"), pages)
        await runtime.clock.advance(timedelta(hours=1))
    return runtime.egress("egress/pages")


def test_every_record_is_written_once_and_in_order() -> None:
    simulate(three_jobs, Printer, seeds=SEEDS)


def logs_of(faults: Faults) -> str:
    """The logs of all runs."""
    logs: list[str] = []

    def note(runtime: TestRuntime) -> None:
        logs.extend(map(str, runtime.log))

    simulate(three_jobs, Printer, seeds=SEEDS, faults=faults, invariant=note)
    return "\n".join(logs)


def test_the_log_says_when_an_egress_refuses_records() -> None:
    log = logs_of(Faults())

    assert "--- egress egress/pages refuses records ---" in log
    assert "--- egress egress/pages accepts records again ---" in log
    assert "egress/pages refuses" not in logs_of(Faults(egress=False))


async def test_a_hostile_runtime_has_the_same_faults() -> None:
    logs: list[str] = []
    for seed in range(SEEDS):
        async with TestRuntime(Printer, hostile=seed) as runtime:
            assert await three_jobs(runtime) == [1, 2, 3, 4, 5, 6]
            logs += map(str, runtime.log)

    assert any("--- egress egress/pages refuses records ---" in line for line in logs)
    assert any("--- egress egress/pages accepts records again ---" in line for line in logs)


done = EgressQueue.done


def without_the_position(queue: EgressQueue, records: Sequence[EgressRecord], position: str | None = None) -> None:
    del position
    done(queue, records)


def without_the_marks(queue: EgressQueue, records: Sequence[EgressRecord], position: str | None = None) -> None:
    done(queue, records, position)
    if len(records) > 1:
        queue._writer.epoch().egress_done.pop()


def with_a_mark_too_many(queue: EgressQueue, records: Sequence[EgressRecord], position: str | None = None) -> None:
    done(queue, records, position)
    queue._writer.epoch().egress_done.extend(record.seq for record in queue._window._ready)


@pytest.mark.parametrize("mistake", [without_the_position, without_the_marks, with_a_mark_too_many])
def test_an_engine_that_loses_or_repeats_records_is_found(mistake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EgressQueue, "done", mistake)

    with pytest.raises(SimulationError) as raised:
        simulate(three_jobs, Printer, seeds=SEEDS)

    assert re.search(
        r"AssertionError: egress egress/pages: expected the records \[[\d, ]+\], each once", str(raised.value)
    )


@pytest.mark.parametrize(
    ("written", "waiting", "committed", "found"),
    [
        ([4, 7], [9], "2", None),
        ([4, 7], [7, 9], "1", None),  # 7 is written, and not committed yet
        ([4], [9], "1", "[4] written, of which 1 are committed, and [9] in the store"),
        ([4, 7, 7], [9], "3", "[4, 7, 7] written, of which 3 are committed, and [9] in the store"),
        ([7, 4], [9], "2", "[7, 4] written, of which 2 are committed, and [9] in the store"),
        ([4, 9], [7, 9], "1", "[4, 9] written, of which 1 are committed, and [7, 9] in the store"),
        ([], [4, 7, 9], None, None),
    ],
)
def test_a_fault_names_the_records(
    written: list[int], waiting: list[int], committed: str | None, found: str | None
) -> None:
    sink = FaultSink("a/b", Hostility(Faults(), RandomChoices(0)), print)
    sink.written = [EgressRecord(seq, "a/b", pack(1)) for seq in written]

    fault = sink.fault([4, 7, 9], waiting, committed)

    expected = (
        None if found is None else f"egress a/b: expected the records [4, 7, 9], each once and in order; got {found}"
    )
    assert fault == expected
