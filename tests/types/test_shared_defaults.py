"""Defaults of attributes that all objects would share are refused, however deep the mutable part is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import pytest
from google.protobuf.struct_pb2 import Struct, Value

from statefun_actors.types import UnstorableTypeError, codec_for, message


@attrs.frozen
class Tagged:
    tags: tuple[list[str], ...] = ()


@attrs.define(unsafe_hash=True)
class Hashed:
    number: int = 0


@attrs.define(eq=False, repr=False)
class Loose:
    number: int = 0

    def __repr__(self) -> str:
        return "Loose()"


ROW = ["a"]
TWICE = "its factory returns ['a'] twice, the same object, which would be shared; create a new one each time"


def mutable(shown: str) -> str:
    return f"the default {shown} is mutable and would be shared; write `attrs.field(factory=lambda: {shown})`"


@pytest.mark.parametrize(
    ("annotation", "default", "problem"),
    [
        pytest.param(Tagged, Tagged((["a"],)), mutable("Tagged(tags=(['a'],))"), id="in a frozen object"),
        pytest.param(tuple[list[str], ...], (["a"],), mutable("(['a'],)"), id="in a tuple"),
        pytest.param(Hashed, Hashed(5), mutable("Hashed(number=5)"), id="an object with a hash of its content"),
        pytest.param(Loose, Loose(), mutable("Loose()"), id="an object with a hash of its identity"),
        pytest.param(list[str], attrs.Factory(lambda: ROW), TWICE, id="a factory"),
        pytest.param(list[list[str]], attrs.Factory(lambda: [ROW]), TWICE, id="a part of what a factory makes"),
        pytest.param(Tagged, attrs.Factory(lambda: Tagged((ROW,))), TWICE, id="deep in what a factory makes"),
    ],
)
@pytest.mark.parametrize("outer", [lambda cls: cls, lambda cls: list[cls], lambda cls: cls | None])  # type: ignore[valid-type]
def test_a_default_that_would_be_shared_is_refused(
    annotation: object, default: object, problem: str, outer: Callable[[Any], object]
) -> None:
    made = attrs.make_class("Inner", {"part": attrs.field(type=annotation, default=default)})  # type: ignore[call-overload]

    with pytest.raises(UnstorableTypeError) as caught:
        codec_for(outer(made))

    assert str(caught.value) == f"Inner.part: {problem}"


def test_defaults_that_are_immutable_or_new_each_time_are_taken() -> None:
    @message("local/fresh")
    class Fresh:
        empty: Tagged = Tagged()
        moment: datetime | None = None
        struct: Struct = attrs.field(factory=lambda: Struct(fields={"a": Value(number_value=1)}))
        rows: list[list[str]] = attrs.field(factory=lambda: [["a"], ["b"]])
        tagged: Tagged = attrs.field(factory=lambda: Tagged((["a"],)))
        constant: tuple[str, ...] = attrs.field(factory=lambda: ("a",))
        failing: list[str] = attrs.field(factory=lambda: [["a"]].pop(1))

    assert Fresh(failing=[]).rows == [["a"], ["b"]]
