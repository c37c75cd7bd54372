"""``PendingViews``: what a store has still to do, without data of the library's own functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any as Untyped

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import REPLY, SCHEDULE
from statefun_actors.assembly.views.conversations import Ask, Schedule, ask_seen, schedule_seen
from statefun_actors.conversations import open_ask, open_schedule
from statefun_actors.dispatch import Application, value_inside
from statefun_actors.engine import FailingMessage, at_ms, attempts_at
from statefun_actors.model import State
from statefun_actors.store import EgressRecord, StoreReader, Timer, unpack
from statefun_actors.types import value_of

_ALL = 1 << 31


@attrs.frozen
class PendingTimer:
    """A delayed message that has not fired yet; for a further attempt of an activity, the message that it was asked."""

    due: datetime
    target: Address
    message: object
    sender: Address | None = None
    cancellation_token: str | None = None


@attrs.frozen
class FailingView:
    """A message without a failure policy that keeps failing.

    Args:
        attempts: the number of failures.
        next: the time of the next attempt; None during an attempt.
        behind: the number of messages of the same target that wait behind it.
    """

    target: Address
    message: object
    error_type: str
    error: str
    attempts: int
    next: datetime | None
    behind: int


class PendingViews:
    """Timers, asks, recurring messages, failing messages and egress records of *store* as of its last commit."""

    def __init__(self, app: Application, store: StoreReader) -> None:
        self._app, self._store = app, store

    def timers(self) -> list[PendingTimer]:
        """The delayed messages of the application, the nearest first."""
        known = self._app.codecs()
        return [
            PendingTimer(
                at_ms(timer.due_ms),
                timer.target,
                value_of(value_inside(timer.value), known),
                timer.caller,
                timer.token,
            )
            for timer in self._store.timers_after(-1, 0, _ALL)
            if not self._own(timer)
        ]

    def _own(self, timer: Timer) -> bool:
        served = None if timer.caller is None else self._app.all_served.get(timer.caller.typename)
        return served is not None and served.own

    def egresses(self, written: Iterable[EgressRecord]) -> dict[str, list[Untyped]]:
        """The records of each egress, by its name: first those that sinks have *written*."""
        found: dict[str, list[Untyped]] = defaultdict(list)
        known = self._app.codecs()
        for record in (*written, *self._store.egress_after(0, _ALL)):
            found[record.egress].append(value_of(record.value, known))
        return dict(found)

    def asks(self) -> list[Ask]:
        """The open asks, the oldest first."""
        opened = {
            timer.target.id: timer.seq
            for timer in self._store.timers_after(-1, 0, _ALL)
            if timer.target.typename == REPLY and timer.caller == timer.target
        }
        asks = [
            ask_seen(self._app, ask, attempts_at(self._store, ask))
            for address, state in self._own_states(REPLY)
            if (ask := open_ask(address.id, state)) is not None
        ]
        return sorted(asks, key=lambda ask: (ask.since, opened.get(ask.address.id, 0)))

    def schedules(self) -> list[Schedule]:
        """The recurring messages, ordered by their next firing."""
        schedules = [
            schedule_seen(self._app, schedule)
            for _, state in self._own_states(SCHEDULE)
            if (schedule := open_schedule(state)) is not None
        ]
        return sorted(schedules, key=lambda schedule: (schedule.next, schedule.sender, schedule.name))

    def _own_states(self, typename: str) -> Iterator[tuple[Address, State]]:
        for row in self._store.entities(typename):
            yield row.address, unpack(row.address, row.packed, ()).state

    def failing(self, messages: Iterable[FailingMessage]) -> list[FailingView]:
        """*messages* of the engine as Python values."""
        known = self._app.codecs()
        return [
            FailingView(
                each.message.target,
                value_of(value_inside(each.message.value), known),
                each.error_type,
                each.error,
                each.attempts,
                None if each.next_ms is None else at_ms(each.next_ms),
                each.behind,
            )
            for each in messages
        ]
