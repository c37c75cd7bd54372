"""What engines hold in memory, of one or of several partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from statefun_actors.engine import Engine, FailingEgress, FailingMessage
from statefun_actors.text import describe_error


class EngineState(Struct, frozen=True, kw_only=True):
    """An engine as of one moment. Without an engine, nothing is known but what waits.

    Args:
        handled: messages since the engine started, as are *timers_fired*.
        waiting: messages that have not been handled, without the parked ones; without an engine, with these.
        parked: messages for function types that the engine does not serve, by type.
        failing: messages without a policy that keep failing, by address.
        failing_egress: egresses that can't be written, by name.
        error: why the store failed last, or a partition does not answer; None while all is well.
        version: differs from the one before if something in the engine or its store has changed.
    """

    handled: int = 0
    timers_fired: int = 0
    waiting: int = 0
    parked: Mapping[str, int] = {}
    failing: tuple[FailingMessage, ...] = ()
    failing_egress: Mapping[str, FailingEgress] = {}
    error: str | None = None
    version: int = 0


def state_of(engine: Engine) -> EngineState:
    """That of *engine*. To be called on its event loop."""
    view = engine.view
    counters, failing = view.counters, tuple(view.failing_messages())
    error = None if view.error is None else describe_error(view.error)
    seen = (
        counters.handled,
        counters.dead_letters,
        counters.discarded,
        counters.timers_fired,
        view.changes,
        view.waiting,
        view.egress_kept,
        tuple(view.failing_egress.items()),
        error,
        tuple((each.message.seq, each.attempts, each.next_ms, each.behind) for each in failing),
        tuple(view.pauses.items()),
    )
    return EngineState(
        handled=counters.handled,
        timers_fired=counters.timers_fired,
        waiting=view.waiting,
        parked=dict(view.parked),
        failing=failing,
        failing_egress=dict(view.failing_egress),
        error=error,
        version=hash(seen),
    )


def merged_state(states: Mapping[int, EngineState | str]) -> EngineState:
    """That of all partitions, by number. A text says why one is not known."""
    known = {number: state for number, state in states.items() if isinstance(state, EngineState)}
    parked = Counter[str]()
    failing_egress: dict[str, FailingEgress] = {}
    errors: list[str] = []
    for number, state in states.items():
        if isinstance(state, str):
            errors.append(f"partition {number} {state}")
            continue
        parked.update(state.parked)
        for name, failure in state.failing_egress.items():
            here = FailingEgress(f"partition {number}: {failure.reason}", failure.since_ms)
            failing_egress.setdefault(name, here)
        if state.error is not None:
            errors.append(f"partition {number}: {state.error}")
    failing = (each for state in known.values() for each in state.failing)
    return EngineState(
        handled=sum(state.handled for state in known.values()),
        timers_fired=sum(state.timers_fired for state in known.values()),
        waiting=sum(state.waiting for state in known.values()),
        parked=parked,
        failing=tuple(sorted(failing, key=lambda each: each.message.target)),
        failing_egress=failing_egress,
        error="; ".join(errors) or None,
        version=hash(tuple((number, state.version) for number, state in known.items())) ^ hash("; ".join(errors)),
    )
