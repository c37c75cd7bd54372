"""``Lanes``: the records in flight of an HTTP endpoint, by key, and the keys that are stuck.

The records of a stuck key are set aside: they leave the window of the egress, so that those of other keys go on,
however many wait. One of them at a time is in memory, to be sent again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Final

import attrs

from statefun_actors.engine import EgressQueue
from statefun_actors.store import EgressRecord

_MOST_ASIDE: Final = 10_000
"""Stuck keys whose records leave the window; each has a record and a task in memory."""
_AT_ONCE: Final = 50
"""Records of a key that are taken again at once, when it is stuck no more."""


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
            self._step_aside(key)
            self._judge()

    def moving(self, key: str) -> None:
        """A record of *key* was delivered."""
        self._stuck.pop(key, None)

    def add(self, key: str, record: EgressRecord) -> bool:
        """Add a new *record* to its lane, or behind those of *key* that wait; return whether it is a lane to begin."""
        if key in self.queue.aside.lanes:
            self.queue.set_aside([record], key)
        elif (lane := self.open.get(key)) is not None:
            lane.append(record)
        else:
            self.open[key] = deque([record])
            return True
        return False

    def again(self) -> Collection[str]:
        """Open a lane for each key whose records an earlier run has set aside; return these keys."""
        keys = list(self.queue.aside.lanes)
        for key in keys:
            self.open[key] = deque(self.queue.take_aside(key, 1))
        return keys

    def refill(self, key: str) -> None:
        """Add the next records of *key* that wait, once its lane is empty."""
        lane = self.open[key]
        if not lane:
            lane.extend(self.queue.take_aside(key, _AT_ONCE))

    def _step_aside(self, key: str) -> None:
        lane = self.open[key]
        if len(self._stuck) <= _MOST_ASIDE and (len(lane) > 1 or key not in self.queue.aside.lanes):
            self.queue.set_aside(lane, key)
            lane.clear()
            lane.extend(self.queue.take_aside(key, 1))

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
