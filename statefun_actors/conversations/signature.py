"""The signature of an activity's function: its message, its key, and its return type."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any as Untyped
from typing import Final

from statefun_actors.definition import (
    UnresolvedAnnotationError,
    is_async_function,
    is_generator_function,
    message_problem,
    message_types,
    parameter_annotation,
    python_function,
    return_annotation,
)

_EMPTY: Final = inspect.Parameter.empty


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
        problems.append(
            "an activity takes one or two parameters, its message and its key: `def charge(message, key)`, "
            f"got {len(parameters)}"
        )
    return len(parameters) == 2


def signature_types(function: Callable[..., Untyped], problems: list[str]) -> tuple[tuple[object, ...], object]:
    """The types of its messages, and its return type (None for nothing)."""
    try:
        annotation, returns = _annotations(function)
    except UnresolvedAnnotationError as error:
        problems.append(f"{error}; import or define it above the activity")
        return (), None
    if annotation is _EMPTY or returns is _EMPTY:
        problems.append("annotate its message and its return value: `async def charge(message: Charge) -> Charged`")
        return (), None
    returns = None if returns is type(None) else returns
    parts = () if returns is None else message_types(returns)
    wrong = [problem for part in parts if (problem := message_problem(part)) is not None]
    problems += [f"its answer can't be sent: {problem}" for problem in wrong]
    return message_types(annotation), returns


def _annotations(function: Callable[..., Untyped]) -> tuple[object, object]:
    """The annotation of its message, and that of its return value; ``_EMPTY`` without one.

    Raises:
        UnresolvedAnnotationError: one of them can't be evaluated.
    """
    plain, bound = python_function(function)
    if plain is None:
        return _EMPTY, _EMPTY
    try:
        annotation = parameter_annotation(plain, bound, {})
    except IndexError:
        annotation = _EMPTY
    return annotation, return_annotation(plain, {})


def like(function: Callable[..., Untyped], original: Callable[..., Untyped]) -> Callable[..., Untyped]:
    """*function* with the annotations of *original* for those of the message and the return value that it lacks."""
    try:
        annotation, returns = _annotations(function)
    except UnresolvedAnnotationError:
        return function  # the definition of the activity reports it
    if annotation is not _EMPTY and returns is not _EMPTY:
        return function
    if is_generator_function(function):
        return function  # as above
    of_message, of_return = _annotations(original)
    keyed = takes_key(function, [])
    if is_async_function(function):

        async def replaced_async(message: object, key: str) -> object:
            return await (function(message, key) if keyed else function(message))

        replaced: Untyped = replaced_async
    else:

        def replaced_blocking(message: object, key: str) -> object:
            return function(message, key) if keyed else function(message)

        replaced = replaced_blocking
    replaced.__annotations__ = {
        "message": of_message if annotation is _EMPTY else annotation,
        "key": str,
        "return": of_return if returns is _EMPTY else returns,
    }
    return replaced  # type: ignore[no-any-return]
