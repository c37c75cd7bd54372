"""``Measuring``: times of handlers and commits, late timers, and held event loops, for the overview."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import attrs

from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.dispatch import (
    Application,
    Durations,
    EpochCommitted,
    Instrument,
    LoopHeld,
    Summary,
    TimerFired,
)

_COMMIT: Final = "commit"
_LATE: Final = "late"
_MOST_ROWS: Final = 200


@attrs.frozen
class HandlerRow:
    """A handler of the function type *typename*, and its attempts of the last minutes."""

    typename: str
    handler: str
    times: Summary


@attrs.frozen
class HeldRow:
    """A handler that held the event loop *times* times, the last time at *last_ms*; *longest* in seconds."""

    handler: str
    times: int
    longest: float
    last_ms: int


@attrs.frozen
class Measured:
    """What was measured in the last minutes; None where nothing happened."""

    handlers: Sequence[HandlerRow]
    commits: Summary | None
    late: Summary | None
    held: Sequence[HeldRow]


class Measuring(Instrument):
    """Measures an application from its first console on. It listens to nothing that happens once for each message.

    The times of handlers are counted by dispatch itself, which takes them anyway.
    """

    def __init__(self, app: Application) -> None:
        now = time.monotonic()
        self.epochs = 0
        """The number of epochs that were written since it began."""
        self._times: Durations[str] = Durations(now)
        self._handlers = app.measure_handlers(now)
        self._held: dict[str, HeldRow] = {}
        app.instruments.add(self)

    def epoch_committed(self, event: EpochCommitted) -> None:
        if event.seconds:  # 0: there was nothing to write
            self.epochs += 1
            self._times.add(_COMMIT, event.seconds)

    def timer_fired(self, event: TimerFired) -> None:
        self._times.add(_LATE, event.late_by)

    def loop_held(self, event: LoopHeld) -> None:
        before = self._held.get(event.handler)
        times, longest = (0, 0.0) if before is None else (before.times, before.longest)
        now_ms = time.time_ns() // 1_000_000
        self._held[event.handler] = HeldRow(event.handler, times + 1, max(longest, event.seconds), now_ms)

    def advance(self) -> None:
        """Drop what is older than the last minutes."""
        now = time.monotonic()
        self._times.advance(now)
        self._handlers.advance(now)

    def measured(self) -> Measured:
        """As of now. On the event loop, since it reads what dispatch writes."""
        self.advance()
        times = dict(self._times.summaries())
        rows = [HandlerRow(*key, summary) for key, summary in self._handlers.summaries() if key[0] not in OWN_FUNCTIONS]
        rows.sort(key=lambda row: (-row.times.p99 * row.times.count, row.typename, row.handler))
        held = sorted(self._held.values(), key=lambda row: -row.longest)
        return Measured(rows[:_MOST_ROWS], times.get(_COMMIT), times.get(_LATE), held[:_MOST_ROWS])


_of: Final[WeakKeyDictionary[Application, Measuring]] = WeakKeyDictionary()


def measuring(app: Application) -> Measuring:
    """That of *app*: one for all of its consoles. It begins with the first of them."""
    if (found := _of.get(app)) is None:
        found = _of[app] = Measuring(app)
    return found
