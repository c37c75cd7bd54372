"""``ActivityMeter``: what the overview shows of the last minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from statefun_actors.address import Address
from statefun_actors.console.measuring import Measured, measuring
from statefun_actors.console.rates import Chart, Rates
from statefun_actors.engine import Engine

_FEW: Final = 5


@attrs.frozen
class Activity:
    """The last minutes of an engine.

    Args:
        handled: messages a second that were handled.
        taken: messages a second that came in, from outside and from other entities.
        epochs: a second.
        measured: times of handlers, commits and delayed messages.
        mailboxes: the addresses with the most waiting messages, if there are any with several.
    """

    handled: Chart
    taken: Chart
    epochs: Chart
    measured: Measured
    mailboxes: Sequence[tuple[Address, int]]


class ActivityMeter:
    """Measures *engine* until it is closed. To be used on its event loop."""

    def __init__(self, engine: Engine) -> None:
        view = engine.view
        self._view, self._measuring = view, measuring(engine.app)
        # Windows must turn even when no page looks.
        self._handled = Rates(lambda: view.counters.handled, self._measuring.advance)
        self._taken = Rates(lambda: view.counters.handled + view.waiting)
        self._epochs = Rates(lambda: self._measuring.epochs)

    def activity(self) -> Activity:
        """As of now."""
        return Activity(
            self._handled.chart(),
            self._taken.chart(),
            self._epochs.chart(),
            self._measuring.measured(),
            self._view.longest_mailboxes(_FEW),
        )

    def close(self) -> None:
        for rates in (self._handled, self._taken, self._epochs):
            rates.close()
