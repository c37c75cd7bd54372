"""Reports the messages, delayed messages and epochs of one working set to instruments.

It replaces methods of that one object, so an engine without such an instrument pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from statefun_actors.address import Address
from statefun_actors.dispatch import EpochCommitted, Instruments, MessageSource, MessageTaken, TimerFired
from statefun_actors.engine.epoch import Epoch
from statefun_actors.engine.mailboxes import Mailboxes
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import INGRESS, Headers, TypedValue
from statefun_actors.store import Timer


def observe(working_set: WorkingSet, instruments: Instruments, now_ms: Callable[[], int]) -> None:
    """Report delayed messages of *working_set*, and messages that enter its mailboxes, to *instruments*."""
    fired = instruments.timer_fired

    def report(timer: Timer) -> None:
        if fired.heard:  # an instrument may be added while the engine runs
            late_by = max(0, now_ms() - timer.due_ms) / 1000
            fired(TimerFired(timer.target, timer.value.typename, late_by))

    working_set.fired = report
    if instruments.message_taken.heard:
        observation = _Observation(working_set, instruments)
        working_set.post = observation.post  # type: ignore[method-assign]
        working_set.deliver = observation.deliver  # type: ignore[method-assign]


class _Observation:
    def __init__(self, working_set: WorkingSet, instruments: Instruments) -> None:
        self._working_set, self._taken = working_set, instruments.message_taken
        self._post, self._deliver = working_set.post, working_set.deliver
        self._firing = False
        """Whether the posted message is a delayed message that became due."""

    def post(self, target: Address, value: TypedValue, caller: Address | None, headers: Headers | None = None) -> None:
        self._post(target, value, caller, headers)
        if self._working_set.is_elsewhere(target):
            return  # the partition that gets it reports it
        self._taken(MessageTaken(target, value.typename, self._source(caller), caller))

    def _source(self, caller: Address | None) -> MessageSource:
        if self._firing:
            return "timer"
        if self._working_set.reading is not None:
            kind: MessageSource = getattr(self._working_set.reading, "kind", "source")
            return kind
        return "ingress" if caller is None or caller[0] == INGRESS else "send"

    def deliver(self, timer: Timer) -> None:
        self._firing = True
        try:
            self._deliver(timer)
        finally:
            self._firing = False


def committed(
    epoch: Epoch, mailboxes: Mailboxes, seconds: float, egress_waiting: Mapping[str, int], asks: int | None = None
) -> EpochCommitted:
    """The event of *epoch*, before its counters are added to the engine's. *asks*: open before it."""
    counters = epoch.counters
    return EpochCommitted(
        messages=counters.handled,
        entities=len(epoch.entities),
        egress=len(epoch.egress),
        timers_fired=counters.timers_fired,
        dead_letters=counters.dead_letters,
        discarded=counters.discarded,
        waiting=mailboxes.waiting,
        seconds=seconds,
        egress_waiting=egress_waiting,
        paused=len(mailboxes.paused.pauses),
        asks=None if asks is None else asks + epoch.asks,
    )
