"""Generic bases: type variables are replaced by the types of the concrete class."""

from __future__ import annotations

from typing import Generic, TypeVar

import pytest

from statefun_actors import DefinitionError, Entity, handles, persisted
from statefun_actors.testing import given
from statefun_actors.types import pack
from tests.entity.ping_pong import Ping, Pong, replies

T = TypeVar("T")


async def test_generic_mixins_without_fields_of_their_variable_work() -> None:
    class Handles(Entity, Generic[T]):
        def answer(self) -> str:
            return type(self).__name__

        @handles(Ping)  # type: ignore[arg-type]
        def ping(self, message: T) -> Pong:
            return Pong(self.answer())

    class Cart(Handles[Ping], typename="test/cart"):
        pass

    assert await replies(Cart, Ping()) == [pack(Pong("Cart"))]


K = TypeVar("K")
V = TypeVar("V")


class Shelf(Entity, Generic[K, V]):
    items: dict[K, V] = persisted(factory=dict)
    last: V | None = persisted(default=None)

    @handles
    def put(self, message: V) -> None:
        self.last = message


class NamedShelf(Shelf[str, V]):
    lists: list[tuple[V, ...]] = persisted(factory=list)


async def test_a_generic_base_is_filled_in_by_the_classes_derived_from_it() -> None:
    class Numbers(NamedShelf[int], typename="test/numbers"):
        pass

    class Pongs(Shelf[int, Pong], typename="test/pongs"):
        pass

    spellings = {field.name: field.field.spelling for field in Numbers.__function_type__.fields}
    assert spellings == {"items": "`dict[str, int]`", "last": "`int` or None", "lists": "`list[tuple[int, ...]]`"}
    assert (Numbers.__function_type__.taken, Pongs.__function_type__.taken) == (("int",), ("Pong",))
    assert given(Numbers, "a").when(3).entity.last == 3


def test_a_type_variable_that_stands_for_no_type_is_refused_where_the_class_is_concrete() -> None:
    with pytest.raises(DefinitionError) as caught:

        class Bare(NamedShelf, typename="test/bare"):  # type: ignore[type-arg] # pyright: ignore[reportMissingTypeArgument]
            pass

    assert str(caught.value) == (
        "class Bare has 4 problems:\n"
        "  - items: V is a free type variable; derive the class from `NamedShelf[int]`, for example\n"
        "  - last: V is a free type variable; derive the class from `NamedShelf[int]`, for example\n"
        "  - lists: V is a free type variable; derive the class from `NamedShelf[int]`, for example\n"
        "  - put: V is a free type variable; derive the class from `NamedShelf[int]`, for example"
    )

    def concrete() -> object:
        class Concrete(Entity, Generic[V], typename="test/concrete"):
            items: list[V] = persisted(factory=list)

        return Concrete

    with pytest.raises(DefinitionError) as caught:
        concrete()

    assert str(caught.value) == (
        "class Concrete: items: V is a free type variable; "
        "remove the typename, and derive a class with one from `Concrete[int]`, for example"
    )
