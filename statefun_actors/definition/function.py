"""A function type as dispatch sees it: which handler takes a message, and how state gets in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any as Untyped
from typing import ClassVar, Protocol

import attrs
from google.protobuf.any_pb2 import Any

from statefun_actors.definition.policy import DeadLetter, Discard, FailurePolicy
from statefun_actors.definition.scope import Scope, delay_ms
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import ANY_TYPENAME, StateSpec
from statefun_actors.types import Codec, UnstorableTypeError, codec_for


@attrs.frozen(kw_only=True)
class HandlerOptions:
    """What ``@handles(...)`` and ``bind(...)`` say beside the types."""

    on_failure: FailurePolicy | None = None
    blocking: bool = False
    timeout: timedelta | float | None = None

    def problems(self) -> list[str]:
        found = []
        if self.on_failure is not None and not isinstance(self.on_failure, DeadLetter | Discard):
            found.append(f"on_failure= is DeadLetter(...) or Discard(...), got {self.on_failure!r}")
        if not isinstance(self.blocking, bool):
            found.append(f"blocking= is True or False, got {self.blocking!r}")
        if self.timeout is not None:
            try:
                ms = delay_ms(self.timeout)
            except ValueMismatchError:
                ms = 0
            if ms <= 0:
                found.append(f"timeout= is a timedelta or seconds, more than zero; got {self.timeout!r}")
        return found

    @property
    def timeout_seconds(self) -> float | None:
        return None if self.timeout is None else delay_ms(self.timeout) / 1000


class Handler:
    """One handler: how it is called, and what it takes."""

    __slots__ = ("blocking", "function", "is_async", "name", "on_failure", "timeout")

    def __init__(
        self, name: str, function: Callable[[Untyped, Untyped], object], is_async: bool, options: HandlerOptions
    ):
        self.name = name
        self.function = function
        self.is_async = is_async
        self.blocking = options.blocking
        self.timeout = options.timeout_seconds
        self.on_failure = options.on_failure


class FunctionType(Protocol):
    """One function type. Its *subject* is what handlers get as their first argument: an entity or a context."""

    typename: str
    states: Sequence[StateSpec]
    state_names: frozenset[str]
    """The states without which no batch may run."""
    handlers: Mapping[str, tuple[Handler, Codec]]
    """By the typename of the message. ``ANY_TYPENAME`` has the handler for google.protobuf.Any itself."""
    any_handler: Handler | None
    """Takes what no other handler takes, as a google.protobuf.Any."""
    taken: Sequence[str]
    """The types that handlers take, as their user spelled them."""
    on_failure: FailurePolicy | None
    owns_tokens: ClassVar[bool]
    """Whether cancellation tokens are the sender's own, or are passed through as they are."""

    def open(self, scope: Scope) -> object:
        """A subject that starts from the scope's state as last settled."""
        ...

    def settle(self, subject: Untyped, scope: Scope) -> None:
        """Check what the subject holds and move what changed into ``scope.changes``."""
        ...

    def abandon(self, subject: Untyped) -> None:
        """Cut a subject off from its scope: what still runs with it (a thread past its timeout) changes nothing."""
        ...


def bind_handlers(
    claims: Iterable[tuple[Handler, Sequence[object]]],
) -> tuple[dict[str, tuple[Handler, Codec]], Handler | None, list[str], list[str]]:
    """Which handler takes which typename.

    Returns:
        handlers by typename, the handler for Any, how the types are spelled, and what is wrong.
    """
    handlers: dict[str, tuple[Handler, Codec]] = {}
    any_handler: Handler | None = None
    taken: list[str] = []
    problems: list[str] = []
    spare: list[tuple[str, Handler, Codec]] = []
    named: dict[str, object] = {}
    for handler, types in claims:
        for annotation in types:
            if annotation is Any:
                if any_handler is not None and any_handler is not handler:
                    problems.append(f"{any_handler.name} and {handler.name} both handle google.protobuf.Any; keep one")
                any_handler = handler
                taken.append("google.protobuf.Any")
                continue
            try:
                codec = codec_for(annotation)
            except UnstorableTypeError as error:
                problems.append(f"{handler.name}: {error}")
                continue
            if (unnamed := _unnamed_attrs(annotation)) is not None:
                problems.append(f"{handler.name}: {unnamed}")
                continue
            taken.append(codec.spelling.strip("`"))
            for typename in codec.accepts:
                other = handlers.get(typename)
                if other is not None and (other[0] is not handler or named[typename] != annotation):
                    problems.append(_clash(typename, other[0], handler, named[typename], annotation))
                    continue
                handlers[typename] = (handler, codec)
                named[typename] = annotation
            spare += [(typename, handler, codec) for typename in codec.lenient]
    for typename, handler, codec in spare:
        handlers.setdefault(typename, (handler, codec))
    if any_handler is not None:
        handlers.pop(ANY_TYPENAME, None)
    return handlers, any_handler, taken, list(dict.fromkeys(problems))


def _clash(typename: str, first: Handler, second: Handler, one: object, two: object) -> str:
    if first is second or one != two:
        return f"{_spell(one)} and {_spell(two)} are both {typename} on the wire; give one of them another name"
    return f"{first.name} and {second.name} both handle {_spell(one)}; one type has one handler"


def _spell(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _unnamed_attrs(annotation: object) -> str | None:
    """A class that can be stored in a field but has no name of its own to travel under."""
    if (
        isinstance(annotation, type)
        and attrs.has(annotation)
        and codec_for(annotation).typename == "statefun-actors/json"
    ):
        return (
            f"{annotation.__name__} has no name on the wire; "
            f'write @message("<namespace>/<name>") above the class to make it a message'
        )
    return None
