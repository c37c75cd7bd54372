"""What the command line, the console and the log say where nothing is recorded: the same words for the same thing."""

from __future__ import annotations

from typing import Final

NO_HISTORY: Final = (
    "No history is recorded. To record one, start the run with --history 100, or the runtime with history=100."
)
NEWER_SHOWN: Final = "Newer entries are shown."
"""Follows the error of a damaged row in the views that show what is newer."""
GAP_REASON: Final = "the engine was at its limit, or they were too large"


def gap_text(messages: int) -> str:
    """What a gap of so many *messages* is, without its time and its reason."""
    if messages == 1:
        return "1 message, of any entity, was not recorded"
    return f"{messages:,} messages, of any entities, were not recorded"
