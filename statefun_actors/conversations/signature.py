"""The signature of an activity's function: its message, its key, and its return type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any as Untyped

from statefun_actors.definition import (
    UnresolvedAnnotationError,
    message_problem,
    message_types,
    parameter_annotation,
    return_annotation,
)


def takes_key(function: Callable[..., Untyped], problems: list[str]) -> bool:
    """Whether *function* takes the key, too; its problems are appended to *problems*."""
    try:
        parameters = [
            each
            for each in inspect.signature(function).parameters.values()
            if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
        ]
    except (TypeError, ValueError):
        parameters = []
    if len(parameters) not in {1, 2}:
        problems.append("an activity takes its message and, if it likes, its key: `def charge(message, key)`")
    return len(parameters) == 2


def signature_types(function: Callable[..., Untyped], problems: list[str]) -> tuple[tuple[object, ...], object]:
    """The types of its messages, and its return type (None for nothing)."""
    try:
        annotation = parameter_annotation(function, 0, {})
        returns = return_annotation(function, {})
    except (UnresolvedAnnotationError, IndexError, AttributeError) as error:
        problems.append(f"{error}; import or define it above the activity")
        return (), None
    empty = inspect.Parameter.empty
    if annotation is empty or returns is empty:
        problems.append("annotate its message and what it returns: `async def charge(message: Charge) -> Charged`")
        return (), None
    returns = None if returns is type(None) else returns
    parts = () if returns is None else message_types(returns)
    wrong = [problem for part in parts if (problem := message_problem(part)) is not None]
    problems += [f"its answer can't be sent: {problem}" for problem in wrong]
    return message_types(annotation), returns


def like(function: Callable[..., Untyped], original: Callable[..., Untyped]) -> Callable[..., Untyped]:
    """*function* with the annotations of *original*, where it has none of its own, or is a method of an object."""
    if getattr(function, "__annotations__", None) and not inspect.ismethod(function):
        return function
    types, returns = signature_types(original, [])
    keyed = takes_key(function, [])
    if inspect.iscoroutinefunction(inspect.unwrap(function)):

        async def replaced_async(message: object, key: str) -> object:
            return await (function(message, key) if keyed else function(message))

        replaced: Untyped = replaced_async
    else:

        def replaced_blocking(message: object, key: str) -> object:
            return function(message, key) if keyed else function(message)

        replaced = replaced_blocking
    replaced.__annotations__ = {"message": _union(types), "key": str, "return": returns}
    return replaced  # type: ignore[no-any-return]


def _union(types: Sequence[Untyped]) -> Untyped:
    found = types[0]
    for each in types[1:]:
        found = found | each
    return found
