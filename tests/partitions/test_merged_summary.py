"""The summary of a run of several partitions."""

from __future__ import annotations

from pathlib import Path

import attrs

from statefun_actors.cli.run.merged_summary import merged_summary
from statefun_actors.cli.run.options import RunOptions
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
    merged = merged_summary("app", options, None, summaries)
    assert (merged.ended, merged.failing_egress) == ("error", {BAD_LINES: "full"})
    assert merged.error == (
        f"the records of {BAD_LINES} could not be written, and are kept: run again once their target is available."
    )
    assert merged_summary("app", options, "SIGTERM", summaries).ended == "SIGTERM"
    assert merged_summary("app", attrs.evolve(options, skip_bad_lines=None), None, summaries).ended == "idle"
