"""Handlers: their options, and which of them takes which message."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any as Untyped
from typing import Final

import attrs
from google.protobuf.any_pb2 import Any

from statefun_actors.definition.delay import timeout_ms, timeout_problem
from statefun_actors.definition.error_text import shown, spelled
from statefun_actors.definition.function_options import internal_problem
from statefun_actors.definition.policy import FailurePolicy, policy_problem
from statefun_actors.types import JSON_TYPENAME, Codec, UnstorableTypeError, codec_for, message_advice


@attrs.frozen(kw_only=True)
class HandlerOptions:
    """The options of ``@handles(...)`` and ``bind(...)``, in addition to the types."""

    on_failure: FailurePolicy | None = None
    blocking: bool = False
    timeout: timedelta | float | None = None
    internal: bool | None = None
    """None: that of its function type."""

    def problems(self, *, is_async: bool | None = None) -> list[str]:
        """The problems of these options for an ``async def`` or a plain ``def``; None: for either."""
        found = []
        if (problem := policy_problem(self.on_failure)) is not None:
            found.append(problem)
        if (problem := internal_problem(self.internal)) is not None:
            found.append(problem)
        if not isinstance(self.blocking, bool):
            found.append(f"blocking= is True or False, got {shown(self.blocking)}")
        elif is_async and self.blocking:
            found.append("blocking=True is for a plain `def`; an `async def` does not block")
        if self.timeout is not None:
            if (problem := timeout_problem(self.timeout)) is not None:
                found.append(problem)
            elif is_async is False and not self.blocking:
                found.append("timeout= can't interrupt a plain `def`; make it `async def`, or write blocking=True")
        return found

    @property
    def timeout_seconds(self) -> float | None:
        return None if self.timeout is None else timeout_ms(self.timeout) / 1000


ENTITY_OF_HANDLER: Final = "__statefun_entity__"
"""The attribute of a handler method that holds its entity class."""


class Handler:
    """One handler: how it is called, and what it takes. *replies*: whether its return value is the reply.

    *returns* is its evaluated return annotation; ``inspect.Parameter.empty`` without one, or if it names something that
    exists only for type checkers.
    """

    __slots__ = ("blocking", "function", "internal", "is_async", "name", "on_failure", "replies", "returns", "timeout")

    def __init__(
        self,
        name: str,
        function: Callable[[Untyped, Untyped], object],
        is_async: bool,
        options: HandlerOptions,
        *,
        replies: bool = True,
        returns: object = inspect.Parameter.empty,
    ) -> None:
        self.name = name
        self.function = function
        self.is_async = is_async
        self.replies = replies
        self.returns = returns
        self.blocking = options.blocking
        self.timeout = options.timeout_seconds
        self.on_failure = options.on_failure
        self.internal = options.internal


def bind_handlers(
    claims: Iterable[tuple[Handler, Sequence[object]]],
) -> tuple[dict[str, tuple[Handler, Codec]], Handler | None, list[str], list[str]]:
    """Map typenames to handlers.

    Returns:
        handlers by typename, the handler for Any, the types as annotated, and the problems.
    """
    binding = _Binding()
    for handler, types in claims:
        for annotation in types:
            binding.bind(handler, annotation)
    for typename, handler, codec in binding.spare:
        binding.handlers.setdefault(typename, (handler, codec))
    taken, problems = dict.fromkeys(binding.taken), dict.fromkeys(binding.problems)
    return binding.handlers, binding.any_handler, list(taken), list(problems)


class _Binding:
    def __init__(self) -> None:
        self.handlers: dict[str, tuple[Handler, Codec]] = {}
        self.any_handler: Handler | None = None
        self.taken: list[str] = []
        self.problems: list[str] = []
        self.spare: list[tuple[str, Handler, Codec]] = []
        """Typenames that a handler takes if no other handler does."""
        self._annotations: dict[str, object] = {}

    def bind(self, handler: Handler, annotation: object) -> None:
        if annotation is Any:
            if self.any_handler is not None and self.any_handler is not handler:
                self.problems.append(
                    f"{self.any_handler.name} and {handler.name} both handle google.protobuf.Any; keep one"
                )
            self.any_handler = handler
            self.taken.append("google.protobuf.Any")
            return
        if (problem := message_problem(annotation)) is not None:
            self.problems.append(f"{handler.name}: {problem}")
            return
        codec = codec_for(annotation)
        self.taken.append(codec.spelling.strip("`"))
        for typename in sorted(codec.accepts):
            other, _ = self.handlers.setdefault(typename, (handler, codec))
            first = self._annotations.setdefault(typename, annotation)
            if other is not handler or first != annotation:
                self.problems.append(_clash(typename, other, handler, first, annotation))
        self.spare += [(typename, handler, codec) for typename in codec.lenient]


def message_problem(annotation: object) -> str | None:
    """Why values of this type can't be messages, and what to write instead; None if they can."""
    if annotation is None or annotation is type(None):
        return "a message is never None; remove `| None`"
    cls: Untyped = typing.get_origin(annotation) or annotation
    advice = message_advice(cls) if isinstance(cls, type) else None
    try:
        codec = codec_for(annotation)
    except UnstorableTypeError as error:
        return str(error) if advice is None or attrs.has(cls) else f"{spelled(annotation)} is not a message; {advice}"
    if isinstance(cls, type) and attrs.has(cls) and codec.typename == JSON_TYPENAME:
        return f"{spelled(annotation)} has no typename; {advice}"
    return None


def _clash(typename: str, first: Handler, second: Handler, one: object, two: object) -> str:
    if one == two:
        return f"{first.name} and {second.name} both handle {spelled(one)}; a type has one handler"
    if first is second:
        both = f"{first.name} takes {spelled(one)} and {spelled(two)}, which are both {typename} on the wire"
    else:
        both = (
            f"{first.name} takes {spelled(one)} and {second.name} takes {spelled(two)}, "
            f"which are both {typename} on the wire"
        )
    if typename == JSON_TYPENAME:
        return f"{both}; put one of them into a field of a @message class of its own"
    return f"{both}; give one of them another name"
