"""The end of a run: its summary, its error, and its exit code."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from statefun_actors.cli.output import echo_json, printable_lines, write

if TYPE_CHECKING:
    from statefun_actors.cli.run.options import RunOptions
    from statefun_actors.cli.run.summary import Summary


def conclude(summary: Summary, options: RunOptions, *, as_json: bool) -> int:
    """Print *summary* and its error; return the exit code."""
    if as_json:
        echo_json(summary.as_object())
    elif not options.quiet:
        summary.print_table()
    if summary.error is not None:
        instead = "" if options.skip_bad_lines else " Or collect such lines: --skip-bad-lines FILE"
        write(printable_lines(f"Error: {summary.error}{instead if summary.bad_line else ''}"), err=True)
        return 1
    if summary.ended != "idle" and options.until_idle:
        return 128 + int(signal.Signals[summary.ended])
    return 0
