"""``messages`` and ``fields``: strategies for what a class handles and holds."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any

from hypothesis import strategies as st

from statefun_actors.entity import Entity, EntityFunction, mark_of
from statefun_actors.testing.strategies.values import values


def messages(cls: type[Entity], *, internal: bool = False) -> st.SearchStrategy[Any]:
    """A strategy for the messages that *cls* takes from outside.

    Args:
        cls: an Entity class.
        internal: take those of internal handlers as well.

    Raises:
        TypeError: it takes none.
    """
    taken = _taken(cls, internal=internal)
    if not taken:
        raise TypeError(f"{cls.__name__} takes no messages from outside")
    return st.one_of([values(each) for each in taken])


def fields(cls: type[Entity]) -> st.SearchStrategy[dict[str, Any]]:
    """A strategy for fields of *cls*, each of which may be absent: ``given(Account, "ada", **found).when(...)``."""
    hints = typing.get_type_hints(cls, include_extras=True)
    function: EntityFunction = cls.__function_type__
    return st.fixed_dictionaries({}, optional={name: values(hints[name]) for name in function.by_name})


def _types(method: Any) -> list[object]:
    """The types of message that *method* handles."""
    mark = mark_of(method)
    if mark is not None and mark.types:
        return list(mark.types)
    parameter = list(inspect.signature(method).parameters)[1]
    annotation = typing.get_type_hints(method, include_extras=True)[parameter]
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return list(typing.get_args(annotation)) if union else [annotation]


def takes_messages(cls: type[Entity]) -> bool:
    """Whether *cls* takes messages from outside."""
    return bool(_taken(cls, internal=False))


def _taken(cls: type[Entity], *, internal: bool) -> list[object]:
    function: EntityFunction = cls.__function_type__
    handlers = {handler.name: handler for handler, _ in function.handlers.values()}
    return [
        each
        for handler in handlers.values()
        if internal or not (function.options.internal if handler.internal is None else handler.internal)
        for each in _types(handler.function)
    ]
