"""A class to be defined with a fault, the problems that its definition reports, and messages for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from statefun_actors import DefinitionError, Entity, message, persisted

declare: Any = persisted  # what the type checker refuses is what is tried here


@message("cart/added")
class Added:
    sku: str


@message("cart/taken")
class Taken:
    sku: str


def problems_of(define: Callable[[], object]) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        define()
    return list(caught.value.problems)


def cart(*bases: type, typename: object = "cart/cart", annotations: Any = None, **body: Any) -> list[str]:
    """The problems of ``class Cart(*bases, Entity)`` with this body."""
    namespace = {"__module__": __name__, "__qualname__": "Cart", "__annotations__": annotations or {}, **body}
    make: Any = type(Entity)
    return problems_of(lambda: make("Cart", (*bases, Entity), namespace, typename=typename))
