"""Message logs in the report of a failed test."""

from __future__ import annotations

from typing import Final

from statefun_actors.testing.recent import LOGS

_LINES: Final = 100


def forget_runtimes() -> None:
    """A test begins: forget the runtimes of the one before."""
    LOGS.clear()


def logs() -> list[tuple[str, str]]:
    """The title and the text of the log of each runtime that the test began, of at most 100 lines each."""
    found = []
    for number, log in enumerate(LOGS, start=1):
        entries = log.entries()
        left_out = len(entries) - _LINES
        lines = [f"({left_out:,} lines before)"] if left_out > 0 else []
        lines += [str(entry) for entry in entries[-_LINES:]]
        title = "statefun messages" if len(LOGS) == 1 else f"statefun messages of runtime {number}"
        if entries:
            found.append((title, "\n".join(lines)))
    return found
