"""Requirements of an application on its cluster, read from its classes and functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Final

import attrs

from statefun_actors.definition import DeadLetter, FunctionType, Handler
from statefun_actors.deploy.sources import calls_any, egresses_in, topics_in
from statefun_actors.model import INGRESS, StateSpec
from statefun_actors.settings import Settings

_RECURRING: Final = frozenset({"send_every", "cancel_every"})


@attrs.frozen(kw_only=True)
class DeployedFunction:
    """A function type.

    ``types`` are the typenames that its handlers name; ``taken`` are those and all others that they accept.
    ``egresses`` maps each egress to its sender.
    """

    typename: str
    states: Sequence[StateSpec]
    types: Sequence[str]
    taken: frozenset[str]
    takes_any: bool
    egresses: Mapping[str, str]
    topics: Mapping[str, AbstractSet[str]]
    """The topics of Kafka records in its source, by egress."""
    expires: bool = False
    """Whether its class has ``expire_after_call=``."""

    def takes(self, typename: str) -> bool:
        return self.takes_any or typename in self.taken


@attrs.frozen(kw_only=True)
class Served:
    """An application. ``longest`` is the longest timeout of a handler and that handler's name, if one has a timeout."""

    functions: Sequence[DeployedFunction]
    body_limit: int
    longest: tuple[timedelta, str] | None
    egresses: Mapping[str, str]
    """Egresses that the application as a whole needs, with the reason."""
    bare_egresses: Mapping[str, str]
    """Egresses that get values other than Kafka and Kinesis records, with their sender."""
    own: Sequence[DeployedFunction] = ()
    """This library's own functions, for open asks, recurring messages and gateways. Every endpoint serves them."""
    calls_own: str | None = None
    """Name of the first function that asks or sends recurring messages; None = none does."""

    @property
    def typenames(self) -> list[str]:
        return [function.typename for function in self.functions]

    def own_called(self, *, gateway: bool) -> list[DeployedFunction]:
        """Those of this library's own functions that the application calls, or its *gateway*."""
        return [
            function
            for function in self.own
            if (gateway if function.typename == INGRESS else self.calls_own is not None)
        ]

    @property
    def all_egresses(self) -> dict[str, str]:
        """All known egresses, sorted, each with one reason."""
        found: dict[str, str] = dict(self.egresses)
        for function in self.functions:
            for name, why in function.egresses.items():
                found.setdefault(name, why)
        return dict(sorted(found.items()))

    @property
    def topics(self) -> Mapping[str, Sequence[str]]:
        """The topics of Kafka records in the source of the application, by egress; sorted."""
        found: dict[str, set[str]] = {}
        for function in self.functions:
            for egress, topics in function.topics.items():
                found.setdefault(egress, set()).update(topics)
        return {egress: sorted(topics) for egress, topics in sorted(found.items())}


def served(functions: Iterable[FunctionType], settings: Settings, own: Iterable[FunctionType] = ()) -> Served:
    """The requirements of *functions* under *settings*. *own*: this library's own functions."""
    functions = sorted(functions, key=lambda function: function.typename)
    policies = [*_policies(functions), (settings.on_failure, "the application's dead letters")]
    longest = max(_timeouts(functions, settings), default=None)
    return Served(
        functions=[_function(function) for function in functions],
        body_limit=settings.body_limit,
        longest=None if longest is None else (timedelta(seconds=longest[0]), longest[1]),
        egresses={
            **dict.fromkeys(settings.record_egresses, "the setting record-egresses"),
            **({settings.on_failure.egress: policies[-1][1]} if isinstance(settings.on_failure, DeadLetter) else {}),
        },
        bare_egresses={
            policy.egress: why
            for policy, why in reversed(policies)  # the first reason wins
            if isinstance(policy, DeadLetter) and policy.as_value
        },
        own=sorted(map(_function, own), key=lambda function: function.typename),
        calls_own=next((function_name(function) for function in functions if _calls_own(function)), None),
    )


def _function(function: FunctionType) -> DeployedFunction:
    egresses = {name: function_name(function) for code in _code(function) for name in sorted(egresses_in(code))}
    topics: dict[str, AbstractSet[str]] = {}
    for code in _code(function):
        for egress, names in topics_in(code).items():
            topics[egress] = topics.get(egress, frozenset()) | names
    for policy, why in _policies([function]):
        if isinstance(policy, DeadLetter):
            egresses.setdefault(policy.egress, why)
            if not policy.as_value:
                topics[policy.egress] = topics.get(policy.egress, frozenset()) | {policy.record_topic}
    return DeployedFunction(
        typename=function.typename,
        states=tuple(function.states),
        types=sorted(typename for typename, (_, codec) in function.handlers.items() if typename == codec.typename),
        taken=frozenset(function.handlers),
        takes_any=function.any_handler is not None,
        egresses=egresses,
        topics=topics,
        expires=function.options.expire_after_call is not None,
    )


def _calls_own(function: FunctionType) -> bool:
    return bool(function.answers) or any(calls_any(code, _RECURRING) for code in _code(function))


def function_name(function: FunctionType) -> str:
    """The name of *function* in its user's code."""
    return str(getattr(function, "name", function.typename))


def _code(function: FunctionType) -> list[object]:
    """The classes or the function that *function* was made from."""
    if (cls := getattr(function, "cls", None)) is not None:
        return [each for each in cls.__mro__ if each.__module__.partition(".")[0] != "statefun_actors"]
    return [getattr(function, "function", None)]


def _handlers(function: FunctionType) -> list[Handler]:
    handlers = [handler for handler, _ in function.handlers.values()]
    if function.any_handler is not None:
        handlers.append(function.any_handler)
    return list(dict.fromkeys(handlers))


def _policies(functions: Iterable[FunctionType]) -> list[tuple[object, str]]:
    """All failure policies, each with its owner."""
    return [
        (policy, f"the dead letters of {name}")
        for function in functions
        for policy, name in (
            (function.on_failure, function_name(function)),
            *((handler.on_failure, handler.name) for handler in _handlers(function)),
        )
    ]


def _timeouts(functions: Iterable[FunctionType], settings: Settings) -> list[tuple[float, str]]:
    """The timeouts of interruptible handlers, in seconds, with the handler's name."""
    found = []
    for function in functions:
        for handler in _handlers(function):
            seconds = handler.timeout if handler.timeout is not None else settings.handler_timeout
            if seconds is not None and (handler.is_async or handler.blocking):
                found.append((seconds, handler.name))
    return found
