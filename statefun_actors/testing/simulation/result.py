"""``Result``: the final values of a run, and the first difference of two results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from statefun_actors.testing.faults import displayed
from statefun_actors.testing.runtime import TestRuntime

Result: TypeAlias = Mapping[str, object]
"""Values by their names, such as ``bank/account/ada.balance``."""


def result_of(runtime: TestRuntime, returned: object) -> Result:
    """The result in *runtime*: fields, egress records, dead letters, pending timers, open asks, schedules, and the
    value that the scenario *returned*.

    Records, dead letters and timers are counted by kind, since the order of messages of different senders is free.
    """
    found = dict(_fields(runtime))
    found.update(sorted(Counter(_events(runtime)).items()))
    if returned is not None:
        found["what the scenario returns"] = returned
    return found


def _fields(runtime: TestRuntime) -> Iterator[tuple[str, object]]:
    for address in [address for typename in sorted(runtime.app.typenames) for address in runtime.entities(typename)]:
        state = runtime.state(address)
        values = state if isinstance(state, dict) else {name: getattr(state, name) for name in _names(state)}
        for name, value in values.items():
            yield f"{address}.{name}", value


def _names(entity: object) -> list[str]:
    function = type(entity).__function_type__  # type: ignore[attr-defined] # an instance of an entity class
    return [field.name for field in function.fields]


def _events(runtime: TestRuntime) -> Iterator[str]:
    for name, records in runtime.egresses.items():
        yield from (f"records {displayed(record)} of egress {name}" for record in records)
    for letter in runtime.dead_letters:
        yield f"dead letters {displayed(letter.message)} of {letter.target} ({letter.error_type})"
    for timer in runtime.timers:
        yield f"timers for {timer.target} at {timer.due}: {displayed(timer.message)}"
    for ask in runtime.asks:
        yield f"open asks of {ask.asker}: {ask.then}"
    for schedule in runtime.schedules:
        yield f"schedules {schedule.name} of {schedule.sender}"


def difference(expected: Result, got: Result) -> str | None:
    """The first difference as text; None without one. Values that differ only in tokens are equal."""
    for what in dict.fromkeys([*expected, *got]):
        if expected.get(what) == got.get(what):
            continue
        before, now = (displayed(result[what]) if what in result else "absent" for result in (expected, got))
        if before != now:
            return f"{what}: {now}; without faults {before}"
    return None
