"""What a function may assign to a state that it declares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from statefun_actors import Address, Context, FieldMismatchError, StatefulFunctions, TypedValue
from statefun_actors.testing import TestRuntime

ADA = Address("s/fn", "ada")
LONG = "io.statefun.types/long"
DURATION = "type.googleapis.com/google.protobuf.Duration"


async def state_after(act: Callable[[Context], object]) -> Any:
    functions = StatefulFunctions()

    @functions.bind("s/fn", states={"count": int, "took": Duration, "all": list[int]})
    def run(context: Context, message: str) -> None:
        act(context)

    async with TestRuntime(functions) as runtime:
        await runtime.tell(ADA, "go")
        return runtime.engine.view.state(ADA)


def assign(name: str, value: object) -> Callable[[Context], object]:
    return lambda context: context.__setitem__(name, value)


async def test_an_any_is_kept_under_the_declared_typename() -> None:
    as_int = TypedValue("io.statefun.types/int", b"\x0d\x05\x00\x00\x00")
    unknown = TypedValue(DURATION, b"\x08\x05\x78\x01")

    assert (await state_after(assign("count", as_int)))["count"] == TypedValue(LONG, b"\x09\x05" + bytes(7))
    assert (await state_after(assign("took", unknown)))["took"] == unknown


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        (
            "count",
            TypedValue(LONG, b"\xff\xff"),
            f"s/fn.count: expected `int`, got an Any of '{LONG}': malformed protobuf: a varint that does not end",
        ),
        (
            "all",
            TypedValue("statefun-actors/json", b'[1,"x"]'),
            "s/fn.all: expected `list[int]`, got an Any of 'statefun-actors/json': "
            "expected `int`, got `str` - at `$[1]`",
        ),
        ("took", TypedValue(LONG, b""), f"s/fn.took: expected `Duration`, got an Any of '{LONG}'"),
    ],
)
async def test_values_that_cannot_be_read_back_are_never_written(name: str, value: TypedValue, error: str) -> None:
    with pytest.raises(FieldMismatchError) as raised:
        await state_after(assign(name, value))

    assert str(raised.value) == error


def is_in(context: Any) -> bool:
    return "count" in context


@pytest.mark.parametrize(
    ("look", "error"),
    [(is_in, "'Context' object is not a container"), (list, "'Context' object is not iterable")],
)
async def test_a_context_is_no_collection_of_states(look: Any, error: str) -> None:
    with pytest.raises(TypeError) as raised:
        await state_after(look)

    assert str(raised.value) == error
