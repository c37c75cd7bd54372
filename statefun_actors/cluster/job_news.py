"""What is new about a job that is watched: its failures, each kind once, and its recoveries."""

from __future__ import annotations

from typing import Final

from statefun_actors.cluster.flink_api import Trouble

_STEADY: Final = 60.0
"""Seconds: a job that has run for so long has recovered; its next failure is printed even if it is of the same kind."""


class JobNews:
    """Makes lines of what Flink says of a job at each look at it."""

    def __init__(self) -> None:
        self._failed = 0
        self._kind = ""
        self._down = self._repeats = False
        self._running_since: float | None = None

    def line(self, trouble: Trouble | None, *, running: bool, now: float) -> str | None:
        """A line to print, or None. *trouble* is the last failure of the job, *now* a time in seconds."""
        if trouble is not None and trouble.time > self._failed:
            return self._failure(trouble, now)
        if not running:
            return None
        if self._running_since is None:
            self._running_since = now
        if not self._down or (self._repeats and now - self._running_since < _STEADY):
            return None
        self._down = False
        return "The job runs again."

    def _failure(self, trouble: Trouble, now: float) -> str | None:
        steady = self._running_since is not None and now - self._running_since >= _STEADY
        same = trouble.kind == self._kind and not steady
        printed, self._repeats = self._repeats, same
        self._failed, self._kind, self._down, self._running_since = trouble.time, trouble.kind, True, None
        if not same:
            return f"The job failed, and Flink starts it again from its last checkpoint: {trouble.cause}"
        return None if printed else f"The job fails in the same way again and again: {trouble.cause}"
