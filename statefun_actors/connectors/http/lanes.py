"""``Lanes``: the records in flight of an HTTP endpoint, by key, and the keys that are stuck.

The records of a stuck key are set aside: they leave the window of the egress, so that those of other keys go on,
however many wait. One of them at a time is in memory, to be sent again.

While some keys are stuck and others are not, the queue says so; if all are, the egress is failing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Final

import attrs

from statefun_actors.engine import EgressQueue
from statefun_actors.own_logger import own_logger
from statefun_actors.store import EgressRecord

logger: Final = own_logger("statefun_actors.engine")
_MOST_ASIDE: Final = 10_000
"""Keys whose records leave the window; each has a record and a task in memory."""
_MOST_ASIDE_BYTES: Final = 16 * 1024 * 1024
"""The bytes that these records may have together, as far as it is known when they leave the window."""


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
    """The records in flight, by key, and the stuck keys."""

    def __init__(self, queue: EgressQueue) -> None:
        self.queue = queue
        self.open: dict[str, deque[EgressRecord]] = {}
        self._stuck: dict[str, Stuck] = {}
        self._given_up: set[str] = set()
        """The stuck keys for which ``Engine.idle`` does not wait."""
        self._aside: dict[str, int] = {}
        """The keys whose records are set aside, each with the bytes of the one in memory."""
        self._aside_bytes = 0
        self._logged = self._logged_some = False
        """``_logged``: whether a line about stuck keys was logged since the last time that none was stuck;
        ``_logged_some``: whether it said that only some keys are stuck."""

    def stuck(self, key: str, stuck: Stuck, *, all: bool) -> None:
        """The first record of *key* is stuck; with *all*, any other record would have failed, too."""
        if all:  # it may succeed after the next attempt of any other record, so it is not stuck by itself
            self._fail(stuck)
            return
        new = key not in self._stuck
        self._stuck[key] = stuck
        if new or stuck.given_up != (key in self._given_up):
            (self._given_up.add if stuck.given_up else self._given_up.discard)(key)
            self._report(stuck)
        self._step_aside(key)
        self._judge()

    def moving(self, key: str) -> None:
        """A record of *key* was delivered, or refused."""
        if self._stuck.pop(key, None) is not None:
            self._given_up.discard(key)
            self._report(next(iter(self._stuck.values()), None))
        elif self._stuck:
            if not self._logged:  # otherwise the queue logs it, as soon as nothing else is left
                logger.warning("egress %s: %s", self.queue.egress, _why_some_wait(next(iter(self._stuck.values()))))
            self._logged = self._logged_some = True

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
        self._report(None)
        keys = list(self.queue.aside.lanes)
        for key in keys:
            self.open[key] = deque()
            self.refill(key)
        return keys

    def refill(self, key: str) -> None:
        """Add the next record of *key* that waits, once its lane is empty."""
        if not (lane := self.open[key]):
            lane.extend(self.queue.take_aside(key, 1))
            size = sum(len(record.value.value) for record in lane)
            self._aside_bytes += size - self._aside.pop(key, 0)
            if lane:
                self._aside[key] = size

    def _step_aside(self, key: str) -> None:
        lane = self.open[key]
        size = len(lane[0].value.value)
        if key not in self._aside and len(self._aside) < _MOST_ASIDE and self._aside_bytes + size <= _MOST_ASIDE_BYTES:
            self.queue.set_aside(lane, key)
            lane.clear()
            self.refill(key)

    def ended(self, key: str) -> None:
        """No more records of *key* are in flight."""
        del self.open[key]
        self._judge()

    def _judge(self) -> None:
        """If all keys are stuck, the egress is failing. The log says so once."""
        if not self._stuck or len(self._stuck) < len(self.open):
            return
        waiting = next((key for key in self._stuck if key not in self._given_up), next(iter(self._stuck)))
        stuck = self._stuck[waiting]
        if self._logged:
            reason = _why_some_wait(stuck) if self._logged_some else stuck.reason
            self.queue.unavailable(reason, given_up=stuck.given_up)
        else:
            self._logged = True
            self._fail(stuck)

    def _fail(self, stuck: Stuck) -> None:
        self.queue.failing(stuck.reason, given_up=stuck.given_up)

    def _report(self, stuck: Stuck | None) -> None:
        """Report to the queue which keys are stuck, with the reason of *stuck*, one of them; None: no key is stuck."""
        self.queue.lanes_stuck(self._given_up, None if stuck is None else _why_some_wait(stuck))
        if stuck is None:
            if self._logged_some:
                logger.warning("egress %s: the records that waited are sent", self.queue.egress)
            self._logged = self._logged_some = False


def _why_some_wait(stuck: Stuck) -> str:
    return f"some records wait for their next attempt: {stuck.reason}"
