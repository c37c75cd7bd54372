"""``runtime_machine``: a state machine of Hypothesis that uses a runtime as clients, time and faults do."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any as Untyped
from typing import ClassVar, Final

from google.protobuf import any_pb2
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from statefun_actors.asking import NoAnswer
from statefun_actors.definition import AnswerMethod
from statefun_actors.entity import Entity
from statefun_actors.errors import ValueMismatchError
from statefun_actors.settings import Settings
from statefun_actors.system import end_tasks
from statefun_actors.testing.faults import Faults, Hostility, RecordedChoices
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.testing.strategies.messages import messages, takes_messages
from statefun_actors.testing.strategies.values import values

_LOGGER: Final = logging.getLogger("statefun_actors")
_DELAYS: Final = (timedelta(seconds=1), timedelta(hours=1), timedelta(days=1), timedelta(days=40))
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


_EGRESS: Final = ("works", "is slow", "refuses records")


class _ArmedFaults(Hostility):
    """No faults but those that were asked for."""

    where: str | None = None
    commits = 0
    """How many commits succeed before it happens."""
    egress = _EGRESS[0]
    """The condition of the targets of all egresses."""

    def __init__(self) -> None:
        super().__init__(Faults(), RecordedChoices([]))
        self.sinks = True

    def egress_refuses(self) -> bool:
        return self.egress == "refuses records"

    def pick_of_egress(self, count: int) -> int:
        return count - 1 if self.egress == "is slow" else 0

    def kill(self) -> str | None:
        if self._paused or self.where is None:
            return None
        if self.commits:
            self.commits -= 1
            return None
        where, self.where = self.where, None
        return where


def _advancing(delays: Sequence[timedelta]) -> Untyped:
    """The rule that moves time by one of *delays*."""

    def advance(self: RuntimeMachine, delay: timedelta) -> None:
        self.move_clock(delay)

    return rule(delay=st.sampled_from(delays))(advance)


class RuntimeMachine(RuleBasedStateMachine):
    """Rules for a runtime. :func:`runtime_machine` makes subclasses, with a rule for each class to send to."""

    served: ClassVar[Sequence[object]] = ()
    settings_of_app: ClassVar[Settings | None] = None
    holds: ClassVar[Callable[[TestRuntime], object] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._level = _LOGGER.level
        _LOGGER.setLevel(logging.CRITICAL + 1)  # the kills are wanted
        self._faults = _ArmedFaults()
        self.runtime = TestRuntime(*self.served, settings=self.settings_of_app, start=_START, hostile=self._faults)
        self._runner = asyncio.Runner()
        self._run(self.runtime.__aenter__())

    def _run(self, work: Awaitable[Untyped]) -> Untyped:
        async def awaited() -> Untyped:
            return await work

        return self._runner.run(awaited())

    def teardown(self) -> None:
        """Stop the runtime."""
        try:
            self._run(self.runtime.__aexit__(None, None, None))
        finally:
            self._run(end_tasks())  # closing the runner would wait for those that go on
            self._runner.close()
            _LOGGER.setLevel(self._level)

    def tell(self, cls: type[Entity], id: str, message: object) -> None:
        """Send *message* from outside."""
        self._run(self.runtime.tell(cls.at(id), message))

    def move_clock(self, delay: timedelta) -> None:
        """Time passes."""
        self._run(self.runtime.clock.advance(delay))

    @rule(where=st.sampled_from(["before", "after", "failed"]), commit=st.integers(1, 3))
    def crash(self, where: str, commit: int) -> None:
        """The process ends before or after a later commit, or that commit has failed; it starts again from its store.

        *commit* 1 is the next one. One commit stores a message from outside, and another one what its handler does.
        """
        self._faults.where, self._faults.commits = where, commit - 1

    @precondition(lambda self: bool(self.runtime.egresses))
    @rule(condition=st.sampled_from(_EGRESS))
    def egress(self, condition: str) -> None:
        """The targets of all egresses are in another condition from now on."""
        self._faults.egress = condition
        self._run(self.runtime.settled())

    @precondition(lambda self: any(ask.target is None for ask in self.runtime.asks))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """Someone outside answers an open reply address."""
        waiting = [ask for ask in self.runtime.asks if ask.target is None]
        ask = waiting[data.draw(st.integers(0, len(waiting) - 1), "which of the open reply addresses")]
        served = self.runtime.app.served[ask.asker.typename]
        answer = data.draw(_answers(served.answers[ask.then].method), "the answer")
        self._run(self.runtime.answer(ask.address, answer))

    @invariant()
    def invariant_holds(self) -> None:
        """What must hold after each step."""
        if (holds := type(self).holds) is not None and inspect.isawaitable(checked := holds(self.runtime)):
            self._run(checked)


def runtime_machine(
    *served: object,
    ids: Sequence[str] = ("a", "b"),
    delays: Sequence[timedelta] = _DELAYS,
    invariant: Callable[[TestRuntime], object] | None = None,
    settings: Settings | None = None,
) -> type[RuntimeMachine]:
    """A state machine that sends messages to entities, answers reply addresses, moves time, and ends the process.

    ::

        TestBank = runtime_machine(Account, Audit, invariant=money_is_kept).TestCase

    Hypothesis looks for steps after which *invariant*, or a handler, raises, and reports the shortest ones as a script.

    Args:
        served: Entity classes, StatefulFunctions and activities. Each class that takes messages from outside gets them.
        ids: of the entities.
        delays: the steps by which time moves: a second, an hour, a day and 40 days unless given. Give those at which
            handlers do something else, such as one just below a timeout and one just above it.
        invariant: called with the runtime after each step; it raises, as assert does, where something is wrong. It may
            be a coroutine function.
        settings: of the application.

    Raises:
        DefinitionError: what is served does not fit together.
        TypeError: nothing of it takes messages from outside.
        ValueMismatchError: there are no delays, or one is not above zero.
    """
    if not delays or not all(isinstance(delay, timedelta) and delay > timedelta(0) for delay in delays):
        raise ValueMismatchError("delays= with at least one timedelta, each above zero", repr(delays))
    rules: dict[str, object] = {"advance": _advancing(delays)}
    takers = [each for each in served if isinstance(each, type) and issubclass(each, Entity) and takes_messages(each)]
    for cls, name in zip(takers, _rule_names(takers), strict=True):
        rules[name] = rule(id=st.sampled_from(ids), message=messages(cls))(_telling(cls, name))
    if not takers:
        raise TypeError("runtime_machine(...) needs an Entity class that takes messages from outside")
    members = {"served": served, "settings_of_app": settings, "holds": staticmethod(invariant) if invariant else None}
    return type("RuntimeMachine", (RuntimeMachine,), {**members, **rules})


def _rule_names(classes: Sequence[type[Entity]]) -> list[str]:
    """The name of the rule for each of *classes*: ``tell_account``, with its namespace too where two have one name."""
    names = [f"tell_{cls.__name__.lower()}" for cls in classes]
    return [
        name if names.count(name) == 1 else "tell_" + re.sub(r"\W", "_", cls.__function_type__.typename.lower())
        for cls, name in zip(classes, names, strict=True)
    ]


def _telling(cls: type[Entity], name: str) -> Callable[..., None]:
    def tell(self: RuntimeMachine, id: str, message: object) -> None:
        self.tell(cls, id, message)

    tell.__name__ = name
    return tell


def _answers(method: AnswerMethod) -> st.SearchStrategy[Untyped]:
    """Values that *method*, which is decorated with ``@answers``, takes, but for NoAnswer."""
    taken = [values(codec.annotation) for codec in method.codecs.values() if codec.annotation is not NoAnswer]
    return st.one_of([*taken, values(any_pb2.Any)] if method.any else taken)
