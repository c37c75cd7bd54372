"""Every type is read back as it was written; values that could not be are refused at the write."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import example, given, settings
from hypothesis import strategies as st

from statefun_actors.errors import NotAMessageError, ValueMismatchError
from statefun_actors.model import TypedValue
from statefun_actors.types import NO_JSON, Codec, codec_for, json_of, pack
from tests.types.shapes import ALL, MESSAGES, PRIMITIVES, SHAPES, Added, Ping, Removed, anything, cases

TYPES = list(ALL)
SENT_ALIKE = {*PRIMITIVES, *MESSAGES}
"""What is sent is written as a field of its type is."""
UNDECLARED = {annotation for annotation in SHAPES if "Literal" not in str(annotation)}
KNOWN = {codec_for(each).typename: codec_for(each) for each in (Added, Removed, Ping)}


@pytest.mark.parametrize("annotation", TYPES, ids=str)
@settings(max_examples=settings().max_examples // 4)
@given(data=st.data())
def test_a_value_is_read_back_equal_from_bytes_json_and_as_a_message(annotation: Any, data: st.DataObject) -> None:
    codec = codec_for(annotation)
    value = data.draw(ALL[annotation])

    written = codec.encode(value)
    read = codec.decode(written, codec.typename)

    assert read == value
    assert read.__class__ is value.__class__
    assert codec.encode(read) == written
    if annotation is not Struct:  # protobuf's own JSON prints fewer digits of a float than it has
        assert codec.from_json(codec.to_json(value)) == value
    if annotation in SENT_ALIKE:
        assert pack(value) == TypedValue(codec.typename, written)
    elif annotation in UNDECLARED:
        assert_read_by_who_declares_it(codec, value)


def assert_read_by_who_declares_it(codec: Codec, value: Any) -> None:
    """A handler that declares the type reads a message without its type."""
    try:
        typed = pack(value)
    except NotAMessageError:  # an attrs class without a name
        return
    if codec.typename == typed.typename:
        assert codec.decode(typed.value) == value


@given(case=cases(ALL), other=anything)
def test_a_value_of_any_kind_is_read_back_equal_or_is_refused(case: tuple[Any, Any], other: Any) -> None:
    annotation, _ = case
    codec = codec_for(annotation)
    try:
        written = codec.encode(other)
    except ValueMismatchError:
        return

    assert codec.decode(written) == other


@given(value=anything)
@example(value=[[], None, [1]])
@example(value={"a": ()})
def test_sendable_values_are_valid_json_or_known_bytes(value: Any) -> None:
    try:
        typed = pack(value)
    except (NotAMessageError, ValueMismatchError):
        return

    assert json_of(typed, KNOWN) is not NO_JSON
