"""The functions that an activity, or its stand-in in a test, may have: plain, async, methods, and callable objects."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest

from statefun_actors import DefinitionError, activity, message
from statefun_actors.testing import TestRuntime


@message("stand-in/charge")
class Charge:
    cents: int


@message("stand-in/charged")
class Charged:
    by: str


@activity("stand-in/card")
async def card(message: Charge) -> Charged:
    return Charged("original")


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return function(*arguments)

    return call


class Unannotated:
    async def __call__(self, message):  # type: ignore[no-untyped-def]
        return Charged("object")

    def charge(self, message, key):  # type: ignore[no-untyped-def]
        return Charged("method")


class Annotated:
    async def __call__(self, message: Charge) -> Charged:
        return Charged("object")

    @logged
    async def charge(self, message: Charge, key: str) -> Charged:
        return Charged("method")


class Plain:
    def __call__(self, message: Charge) -> Charged:
        return Charged("plain object")


async def only_message(message: Charge):  # type: ignore[no-untyped-def]
    return Charged("function")


async def only_return(message) -> Charged:  # type: ignore[no-untyped-def]
    return Charged("function")


async def none_at_all(message, key):  # type: ignore[no-untyped-def]
    return Charged("function")


async def with_client(client: Charged, message: Charge, key: str) -> Charged:
    return client


class Bound:
    async def charge(self, client: Charged, message: Charge) -> Charged:
        return client


def without_mapping(message):  # type: ignore[no-untyped-def]
    return Charged("function")


without_mapping.__annotations__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("function", "by"),
    [
        (Unannotated(), "object"),
        (Unannotated().charge, "method"),
        (Annotated(), "object"),
        (Annotated().charge, "method"),
        (Plain(), "plain object"),
        (only_message, "function"),
        (only_return, "function"),
        (none_at_all, "function"),
        (without_mapping, "function"),
        (lambda message: Charged("lambda"), "lambda"),
        (functools.partial(none_at_all, key="k"), "function"),
        (functools.partial(with_client, Charged("client")), "client"),
        (AsyncMock(return_value=Charged("mock")), "mock"),
    ],
)
async def test_a_stand_in_is_any_callable_and_its_missing_annotations_are_the_originals(
    function: Callable[..., Any], by: str
) -> None:
    async with TestRuntime(card.replaced(function)) as runtime:
        assert await runtime.ask(card.at("k"), Charge(1), Charged) == Charged(by)


@pytest.mark.parametrize(
    ("function", "by"),
    [
        (Annotated(), "object"),
        (Annotated().charge, "method"),
        (Plain(), "plain object"),
        (functools.partial(with_client, Charged("client")), "client"),
        (functools.partial(with_client, Charged("client"), key="k"), "client"),
        (functools.partial(functools.partial(Bound().charge), Charged("method")), "method"),
        (functools.partial(Annotated()), "object"),
    ],
)
async def test_an_activity_is_an_object_a_method_or_a_partial(function: Callable[..., Any], by: str) -> None:
    made = activity("stand-in/made")(function)
    async with TestRuntime(made) as runtime:
        assert await runtime.ask(made.at("k"), Charge(1), Charged) == Charged(by)


def test_an_annotation_of_a_stand_in_that_names_nothing_is_an_error() -> None:
    def wrong(message: Missing) -> Charged:  # type: ignore[name-defined]  # noqa: F821 - it is the error
        return Charged("")

    with pytest.raises(DefinitionError) as caught:
        card.replaced(wrong)

    assert caught.value.problems == (
        "the annotation 'Missing' can't be resolved (name 'Missing' is not defined); "
        "import or define it above the activity",
    )
