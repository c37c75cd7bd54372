"""The summary of a run of several partitions."""

from __future__ import annotations

import signal
from pathlib import Path

import attrs
import pytest

from statefun_actors.cli.run.account import Account
from statefun_actors.cli.run.counts import Count, Counts
from statefun_actors.cli.run.merged_summary import merged_summary
from statefun_actors.cli.run.options import RunOptions
from statefun_actors.cli.run.summary import PartitionCounts
from statefun_actors.cli.run.supervisor import Outcome
from statefun_actors.connectors.files import BAD_LINES
from statefun_actors.partitions import partition_of_name
from tests.cli.test_processes import summary_of


def test_bad_lines_that_could_not_be_written_are_an_error(tmp_path: Path) -> None:
    options = RunOptions(
        store=tmp_path, cache_bytes=1, egress={}, egress_backlog=1, skip_bad_lines=tmp_path / "bad.jsonl"
    )
    writer = partition_of_name(BAD_LINES, 2)
    summaries = [
        attrs.evolve(summary_of("app"), kept=1, kept_names=[BAD_LINES], failing_egress={BAD_LINES: reason})
        for reason in (("full", "down") if writer == 0 else ("down", "full"))
    ]
    done = Outcome(exit_code=0, signal=None, done=True, error=None, seconds=2.5, summaries=summaries)
    merged = merged_summary("app", options, done)
    assert (merged.ended, merged.failing_egress) == ("error", {BAD_LINES: "full"})
    assert merged.error == (
        f"the records of {BAD_LINES} could not be written, and are kept: run again once their target is available."
    )
    stopped = attrs.evolve(done, signal=signal.SIGTERM, done=False)
    assert merged_summary("app", options, stopped).ended == "SIGTERM"
    assert merged_summary("app", attrs.evolve(options, skip_bad_lines=None), done).ended == "idle"


def test_the_counts_of_all_processes_of_a_partition_are_summed_up(tmp_path: Path) -> None:
    """Those of the store are exact, whatever a killed process could not tell."""
    account = Account()
    assert account.summary(0, tmp_path) is None
    first = Counts(lines=Count(0, 10), handled=0, egress={"a/file": Count(0, 5), "a/http": Count(0)})
    account.counted(first)
    account.counted(attrs.evolve(first, lines=Count(3, 13), handled=3, egress={"a/file": Count(2, 7)}))
    account.begun_again()  # it has read line 14, and was killed before it could tell
    account.counted(Counts(lines=Count(6, 20), handled=6, egress={"a/file": Count(1, 9)}, dead_letters=1))
    account.summed_up(attrs.evolve(summary_of("app"), dead_letters=Count(1, 4), entities={"a/b": 2}))
    found = account.summary(0, tmp_path)
    assert found is not None
    assert (found.lines, found.handled, found.egress) == (Count(10, 20), 9, {"a/file": Count(4, 9)})
    assert (found.dead_letters, found.entities) == (Count(1, 4), {"a/b": 2})
    assert found.partitions == [PartitionCounts(9, restarts=1, exact=False)]


def test_a_partition_that_was_stopped_alone_has_told_all(tmp_path: Path) -> None:
    account = Account()
    for _ in range(2):
        account.counted(Counts(handled=2))
        account.summed_up(summary_of("app"))
        account.begun_again()
    account.counted(Counts(handled=1))
    account.summed_up(summary_of("app"))
    found = account.summary(0, tmp_path)
    assert found is not None
    assert found.partitions == [PartitionCounts(5, restarts=2, exact=True)]


def test_the_summary_lacks_what_a_killed_partition_has_stored_if_that_can_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Account()
    account.counted(Counts(handled=2))
    found = account.summary(0, tmp_path)
    assert found is not None
    assert (found.handled, found.entities, found.partitions) == (2, {}, [PartitionCounts(2, exact=False)])
    assert capsys.readouterr().err == (
        f"Warning: the summary lacks what partition 0 has stored: store {tmp_path}/0: the file does not exist. "
        "`statefun-actors run` creates it.\n"
    )
