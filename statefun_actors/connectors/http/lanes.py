"""``Lanes``: the records in flight of an HTTP endpoint, by key, and the keys that are stuck."""

from __future__ import annotations

from collections import deque

import attrs

from statefun_actors.engine import EgressQueue
from statefun_actors.store import EgressRecord


@attrs.frozen
class Stuck:
    """Why the first record of a key is not delivered.

    Args:
        reason: a short text.
        given_up: whether nobody should wait for it; otherwise its next attempt is soon, and may well succeed.
    """

    reason: str
    given_up: bool


class Lanes:
    """The records in flight, by key, and the stuck keys; if all are stuck, the egress is failing."""

    def __init__(self, queue: EgressQueue) -> None:
        self.queue = queue
        self.open: dict[str, deque[EgressRecord]] = {}
        self._stuck: dict[str, Stuck] = {}

    def stuck(self, key: str, stuck: Stuck, *, all: bool) -> None:
        """The first record of *key* is stuck; with *all*, any other record would have failed, too."""
        if all:  # it may succeed after the next attempt of any other record, so it is not stuck by itself
            self._fail(stuck)
        else:
            self._stuck[key] = stuck
            self._judge()

    def moving(self, key: str) -> None:
        """A record of *key* was delivered."""
        self._stuck.pop(key, None)

    def ended(self, key: str) -> None:
        """No more records of *key* are in flight."""
        del self.open[key]
        self._judge()

    def _judge(self) -> None:
        if self._stuck and len(self._stuck) == len(self.open):
            waiting = [stuck for stuck in self._stuck.values() if not stuck.given_up]
            self._fail(waiting[0] if waiting else next(iter(self._stuck.values())))

    def _fail(self, stuck: Stuck) -> None:
        self.queue.failing(stuck.reason, given_up=stuck.given_up)
