"""Reads a store for tests: Python values, without data of the library's own functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any as Untyped

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import REPLY, SCHEDULE
from statefun_actors.calls import NotServedError
from statefun_actors.conversations import open_ask, open_schedule
from statefun_actors.dispatch import Application, unwrapped
from statefun_actors.engine import FailingMessage, at_ms
from statefun_actors.entity import hydrate
from statefun_actors.model import Invocation, State
from statefun_actors.store import Store, Timer, expire, unpack
from statefun_actors.testing.conversations import Ask, Schedule, ask_seen, schedule_seen
from statefun_actors.types import value_of

_ALL = 1 << 31


@attrs.frozen
class PendingTimer:
    """A delayed message that has not fired yet."""

    due: datetime
    target: Address
    message: object
    sender: Address | None = None
    cancellation_token: str | None = None


@attrs.frozen
class DeadLetterSeen:
    """A message that was given up, and why. Of an answer, *message* is the answer itself."""

    target: Address
    message: object
    error_type: str
    error: str
    attempts: int


@attrs.frozen
class FailingSeen:
    """A message without a failure policy that keeps failing.

    Args:
        attempts: how often it has failed.
        next: when it is tried next; None while it is being tried.
        behind: how many messages of the same target wait behind it.
    """

    target: Address
    message: object
    error_type: str
    error: str
    attempts: int
    next: datetime | None
    behind: int


class Stored:
    """Reads *store* as of its last commit, for *app*."""

    def __init__(self, app: Application, store: Store) -> None:
        self._app, self._store, self._known = app, store, app.codecs()

    def timers(self) -> list[PendingTimer]:
        """The delayed messages of the application, the nearest first."""
        return [
            PendingTimer(
                at_ms(timer.due_ms), timer.target, value_of(timer.value, self._known), timer.caller, timer.token
            )
            for timer in self._store.timers_after(-1, 0, _ALL)
            if not self._own(timer)
        ]

    def _own(self, timer: Timer) -> bool:
        route = None if timer.caller is None else self._app.all_routes.get(timer.caller.typename)
        return route is not None and route.own

    def value(self, address: Address, stored: Callable[[Address], State]) -> Untyped:
        """The entity at *address*, or the states of a function; *stored* returns the current state."""
        route = self._app.route(address.typename)
        if route is None:
            raise NotServedError(address, self._why_not())
        state = stored(address)
        cls = getattr(route.function, "cls", None)
        if cls is not None:
            return hydrate(cls, address, state)
        return {name: value_of(value, self._known) for name, value in state.items() if value is not None}

    def _why_not(self) -> str:
        return f"this engine runs {', '.join(self._app.typenames) or 'nothing'}"

    def egresses(self) -> dict[str, list[Untyped]]:
        """The records of each egress, by its name."""
        found: dict[str, list[Untyped]] = defaultdict(list)
        for record in self._store.egress_after(0, _ALL):
            found[record.egress].append(value_of(record.value, self._known))
        return dict(found)

    def entities(self, of: type | str, prefix: str, now_ms: int) -> list[Address]:
        """See :meth:`TestRuntime.entities`."""
        typename = of if isinstance(of, str) else of.__function_type__.typename  # type: ignore[attr-defined]
        route = self._app.route(typename)
        if route is None:
            raise NotServedError(Address(typename, prefix or "*"), self._why_not())
        found = []
        for row in self._store.entities(route.function.typename, prefix):
            record = unpack(row.address, row.packed, ())
            expire(record, route.function.states, now_ms)
            if any(value is not None for value in record.state.values()):
                found.append(row.address)
        return found

    def asks(self) -> list[Ask]:
        """The open asks, the oldest first."""
        opened = {
            timer.target.id: timer.seq
            for timer in self._store.timers_after(-1, 0, _ALL)
            if timer.target.typename == REPLY and timer.caller == timer.target
        }
        asks = [
            ask_seen(self._app, ask)
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

    def dead_letters(self) -> list[DeadLetterSeen]:
        """The dead letters: messages that were given up, oldest first."""
        return [
            DeadLetterSeen(
                entry.message.target,
                value_of(unwrapped(Invocation(entry.message.value)).argument, self._known),
                entry.error_type,
                entry.error,
                entry.attempts,
            )
            for entry in self._store.dead_letters()
        ]

    def failing(self, messages: Iterable[FailingMessage]) -> list[FailingSeen]:
        """*messages* of the engine in Python values."""
        return [
            FailingSeen(
                each.message.target,
                value_of(unwrapped(Invocation(each.message.value)).argument, self._known),
                each.error_type,
                each.error,
                each.attempts,
                None if each.next_ms is None else at_ms(each.next_ms),
                each.behind,
            )
            for each in messages
        ]
