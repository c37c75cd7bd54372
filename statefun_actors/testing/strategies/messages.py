"""``messages`` and ``fields``: strategies for what a class handles and holds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from statefun_actors.entity import Entity, EntityField, EntityFunction
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
    function: EntityFunction = cls.__function_type__
    return st.fixed_dictionaries({}, optional={name: _field_values(field) for name, field in function.by_name.items()})


def _field_values(field: EntityField) -> st.SearchStrategy[Any]:
    found = values(field.codec.annotation)
    return st.none() | found if field.optional else found


def takes_messages(cls: type[Entity]) -> bool:
    """Whether *cls* takes messages from outside."""
    return bool(_taken(cls, internal=False))


def _taken(cls: type[Entity], *, internal: bool) -> list[object]:
    function: EntityFunction = cls.__function_type__
    taken: list[object] = []
    for handler, codec in function.handlers.values():
        if (internal or not function.options.is_internal(handler.internal)) and codec.annotation not in taken:
            taken.append(codec.annotation)
    return taken
