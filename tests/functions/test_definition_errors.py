"""The faults of a function are reported when it is bound, all at once."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from statefun_actors import Address, Context, DefinitionError, RequestReplyHandler, StatefulFunctions, persisted
from statefun_actors.testing import TestRuntime
from tests.http.serving import request


def greet(context: Context, message: str) -> None: ...


def problems_of(typename: object, function: Any = greet, **options: Any) -> list[str]:
    bind: Any = StatefulFunctions().bind
    with pytest.raises(DefinitionError) as caught:
        bind(typename, **options)(function)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("typename", "problem"),
    [
        ("greet", "typename= is <namespace>/<name>: got 'greet'. Write <namespace>/<name>, such as 'bank/account'."),
        (None, "typename= is <namespace>/<name>: got None. Write a string such as 'bank/account'."),
        ("g/\ud800", "typename='g/\\ud800' contains text that UTF-8 can't encode; choose another name"),
        ("io.statefun/x", "typename='io.statefun/x': the namespace 'io.statefun' is reserved; choose your own"),
        (
            "statefun-actors.x/x",
            "typename='statefun-actors.x/x': the namespace 'statefun-actors' is reserved; choose your own",
        ),
    ],
)
def test_its_name_is_one_that_a_class_could_have(typename: object, problem: str) -> None:
    assert problems_of(typename) == [problem]


@pytest.mark.parametrize("function", [lambda: None, lambda context: None, lambda context, message, more: None])
def test_it_takes_a_context_and_a_message(function: Any) -> None:
    assert problems_of("g/greet", function) == [
        "a stateful function takes two parameters: `def greet(context, message)`"
    ]


def test_everything_is_said_at_once() -> None:
    async def wait(context: Context) -> None: ...

    states = {
        "": int,
        "cart": complex,
        "seen": persisted(default=0),
        "one": persisted(type=int, name="two"),
        "two": str,
    }

    assert problems_of("greet", wait, blocking=True, states=states) == [
        "typename= is <namespace>/<name>: got 'greet'. Write <namespace>/<name>, such as 'bank/account'.",
        "the name of a state is a non-empty string that UTF-8 can encode, got ''",
        "cart: `complex` can't be stored: write `tuple[float, float]`",
        "seen: a function's state needs a type and is None while absent: persisted(type=...)",
        "one and two are both stored as 'two'; rename one of the two",
        "a stateful function takes two parameters: `def greet(context, message)`",
        "blocking=True is for plain `def`; an async function does not block",
    ]


async def yielding(context: Context, message: str) -> AsyncIterator[int]:
    yield 1


class Yielding:
    def __call__(self, context: Context, message: str) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize("function", [yielding, Yielding(), functools.partial(yielding)])
def test_a_function_that_yields_would_never_run(function: Callable[..., object]) -> None:
    with pytest.raises(DefinitionError) as caught:
        StatefulFunctions().register("test/fn", function)

    assert caught.value.problems == ("a function can't yield: nothing iterates over it; send messages instead",)


async def test_a_partial_gets_the_type_that_its_function_is_annotated_with() -> None:
    seen: list[tuple[str, str]] = []

    async def greet_as(name: str, context: Context, message: str) -> None:
        seen.append((name, message))

    functions = StatefulFunctions()
    functions.register("test/partial", functools.partial(greet_as, "ada"))
    async with TestRuntime(functions) as runtime:
        await runtime.tell(Address("test/partial", "a"), "hello")

    assert seen == [("ada", "hello")]


async def test_a_decorated_async_function_is_awaited() -> None:
    seen: list[str] = []

    def decorated(function: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(function)
        def wrapper(*args: object) -> object:
            return function(*args)

        return wrapper

    functions = StatefulFunctions()

    @functions.bind("test/fn")
    @decorated
    async def fn(context: Context, message: str) -> None:
        await asyncio.sleep(0)
        seen.append(message)

    await RequestReplyHandler(functions).handle(request(Address("test/fn", "a"), "hello"))

    assert seen == ["hello"]
