"""``Result``: the final values of a run, and the first difference of two results."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from statefun_actors.testing.faults import excerpt, same_beginning, text_of, tokens_alike, whole_text_of
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.text import one_line

Scenario: TypeAlias = Callable[[TestRuntime], Awaitable[object]]
Invariant: TypeAlias = Callable[[TestRuntime], object]
Name: TypeAlias = tuple[str, str]
"""A field, such as ``bank/account/ada.balance``, and an empty text; or a kind of event, and the text of the event."""
Result: TypeAlias = Mapping[Name, object]
"""Values of fields, and counts of events."""

WITHOUT_FAULTS: Final = "without faults"
"""Where the expected result of most comparisons was."""
_TIME_OF_DEAD_LETTER: Final = re.compile(r'("error_type":.*"attempts":\d+,"time":")[^"]*"')


async def outcome(runtime: TestRuntime, scenario: Scenario, invariant: Invariant | None) -> Result:
    """Run *scenario* in *runtime* and check *invariant*; return the result.

    Raises:
        TypeError: *scenario* is not ``async def``.
        Exception: the scenario or the invariant raised it.
    """
    async with runtime:
        if not inspect.isawaitable(running := scenario(runtime)):
            raise TypeError(f"expected `async def scenario(runtime)`, got {scenario!r}, which returned {running!r}")
        returned = await running
        await runtime.settled()
        if invariant is not None and inspect.isawaitable(checked := invariant(runtime)):
            await checked
        return _result_of(runtime, returned)


def _result_of(runtime: TestRuntime, returned: object) -> Result:
    """The result in *runtime*: fields, egress records, dead letters, pending timers, open asks, schedules, and the
    value that the scenario *returned*.

    Records, dead letters and timers are counted by kind, since the order of messages of different senders is free. So
    are the fields of entities whose id was drawn, which is another one under faults.
    """
    found: dict[Name, object] = {}
    drawn: list[Name] = []
    for field, value in _fields(runtime):
        if (alike := tokens_alike(field)) == field:
            found[field, ""] = value
        else:
            drawn.append((alike, text_of(value)))
    events = ((tokens_alike(kind), text) for kind, text in _events(runtime))
    found.update(sorted(Counter((*drawn, *events)).items()))
    if returned is not None:
        found["what the scenario returns", ""] = returned
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


def _events(runtime: TestRuntime) -> Iterator[Name]:
    for name, records in runtime.egresses.items():
        yield from ((f"records of egress {name}", _record_text(record)) for record in records)
    for letter in runtime.dead_letters:
        yield f"dead letters of {letter.target} ({letter.error_type})", text_of(letter.message)
    for timer in runtime.timers:
        yield f"timers for {timer.target} at {timer.due}", text_of(timer.message)
    for ask in runtime.asks:
        yield f"open asks of {ask.asker}", str(ask.then)
    for schedule in runtime.schedules:
        yield f"schedules of {schedule.sender}", str(schedule.name)


def _record_text(record: object) -> str:
    """*record* as text. The time of a dead letter is left out: pauses between attempts move virtual time."""
    return _TIME_OF_DEAD_LETTER.sub(r'\1<time>"', text_of(record))


def difference(
    expected: Result, got: Result, otherwise: str = WITHOUT_FAULTS, *, same_tokens: bool = False
) -> str | None:
    """The first difference as text; None without one. *otherwise* says where the *expected* result was.

    Values that differ only in tokens are equal. With *same_tokens*, tokens are compared, too: two runs without faults
    draw the same ones, so a difference comes from elsewhere, such as ``uuid4()``.
    """
    differing = [name for name in dict.fromkeys([*expected, *got]) if expected.get(name) != got.get(name)]
    of = whole_text_of if same_tokens else text_of
    return difference_of_texts(_texts(expected, differing, of), _texts(got, differing, of), otherwise)


def texts(result: Result) -> dict[Name, str]:
    """The values of *result* as text, which is the same in another process."""
    return _texts(result, result, text_of)


def _texts(result: Result, names: Iterable[Name], of: Callable[[object], str]) -> dict[Name, str]:
    return {name: of(result[name]) for name in names if name in result}


def difference_of_texts(
    expected: Mapping[Name, str], got: Mapping[Name, str], otherwise: str = WITHOUT_FAULTS
) -> str | None:
    """The first difference of two results as text; None without one."""
    for name in dict.fromkeys([*expected, *got]):
        before, now = expected.get(name, "absent"), got.get(name, "absent")
        if before != now:
            what = _shown(name, got if name in expected else expected)
            return f"{what}: {excerpt(now, before)}; {otherwise} {excerpt(before, now)}"
    return None


def _shown(name: Name, others: Iterable[Name]) -> str:
    """*name* in one line: its text from shortly before the first difference from the most similar of *others*."""
    kind, text = name
    if not text:
        return one_line(kind)
    similar = [other for its_kind, other in others if its_kind == kind and other != text]
    nearest = max(similar, key=lambda other: same_beginning(text, other), default="")
    return f"{one_line(kind)}: {excerpt(text, nearest)}"
