"""An attribute that is no field is not assigned: the error says what to declare."""

from __future__ import annotations

from typing import Any

import pytest

from statefun_actors import UndeclaredAttributeError
from tests.entity.shopping import Cart, Sure, failure

# --- undeclared attributes

UNDECLARED = (
    "Cart has no field 'totl'; its fields are total, lines, owner. "
    "To keep it, add to the class: `totl: <type> = persisted(default=...)`"
)


def test_assigning_an_undeclared_attribute_says_what_to_add() -> None:
    cart: Any = Cart()

    for use in (
        lambda: setattr(cart, "totl", 5),
        lambda: cart.totl,
        lambda: delattr(cart, "totl"),
    ):
        with pytest.raises(UndeclaredAttributeError) as caught:
            use()
        assert str(caught.value) == UNDECLARED
    assert not hasattr(cart, "totl")


@pytest.mark.parametrize("use", ["self.totl = 5", "self.totl", "del self.totl", "self.totl += 5"])
async def test_in_a_handler_too(use: str) -> None:
    def deed(self: Cart) -> None:
        exec(use)

    error = await failure(deed)

    assert isinstance(error, AttributeError)
    assert f"{type(error).__name__}: {error}" == f"UndeclaredAttributeError: {UNDECLARED}"
    assert error.__traceback__ is not None
    assert any(frame.f_code.co_name == "deed" for frame in frames_of(error))


def frames_of(error: BaseException) -> list[Any]:
    trace, found = error.__traceback__, []
    while trace is not None:
        found.append(trace.tb_frame)
        trace = trace.tb_next
    return found


async def test_under_a_policy_too() -> None:
    error = await failure(lambda self: setattr(self, "totl", 5), Sure)

    assert str(error) == UNDECLARED.replace("Cart", "Sure")


async def test_other_attribute_errors_stay_as_they_are() -> None:
    class Basket:
        __slots__ = ()

    for use, text in (
        (lambda self: setattr(Basket(), "totl", 5), "'Basket' object has no attribute 'totl'"),
        (lambda self: getattr(Basket(), "totl"), "'Basket' object has no attribute 'totl'"),  # noqa: B009
        (lambda self: setattr(self, "label", 5), "property 'label' of 'Cart' object has no setter"),
        (lambda self: setattr(self, "add", 5), "'Cart' object attribute 'add' is read-only"),
    ):
        error = await failure(use)

        assert type(error) is AttributeError
        assert str(error).startswith(text)


def test_an_attribute_that_is_no_field_is_not_called_undeclared() -> None:
    cart: Any = Cart()

    for name in ("label", "add", "now", "id", "obey"):
        with pytest.raises(AttributeError) as caught:
            setattr(cart, name, 5)
        assert type(caught.value) is AttributeError


async def test_a_property_with_a_typo_says_where_the_typo_is() -> None:
    with pytest.raises(UndeclaredAttributeError, match="Cart has no field 'totl'"):
        Cart().broken  # noqa: B018
    assert "Cart has no field 'totl'" in str(await failure(lambda self: self.broken))
