"""What is written is read back as it was, for every type; what could not be is refused when it is written."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import example, given, settings
from hypothesis import strategies as st

from statefun_actors.errors import NotAMessageError, ValueMismatchError
from statefun_actors.types import NO_JSON, codec_for, json_of, pack
from tests.types.shapes import ALL, MESSAGES, PRIMITIVES, SHAPES, Added, Ping, Removed, anything, cases

TYPES = list(ALL)
KNOWN = {codec_for(each).typename: codec_for(each) for each in (Added, Removed, Ping)}


@pytest.mark.parametrize("annotation", TYPES, ids=str)
@settings(max_examples=12)
@given(data=st.data())
def test_a_value_comes_back_equal_and_of_the_same_class(annotation: Any, data: st.DataObject) -> None:
    codec = codec_for(annotation)
    value = data.draw(ALL[annotation])

    read = codec.decode(codec.encode(value), codec.typename)

    assert read == value
    assert read.__class__ is value.__class__


@pytest.mark.parametrize("annotation", TYPES, ids=str)
@settings(max_examples=12)
@given(data=st.data())
def test_bytes_that_were_read_are_written_again_alike(annotation: Any, data: st.DataObject) -> None:
    codec = codec_for(annotation)
    written = codec.encode(data.draw(ALL[annotation]))

    assert codec.encode(codec.decode(written)) == written


@pytest.mark.parametrize("annotation", TYPES, ids=str)
@settings(max_examples=12)
@given(data=st.data())
def test_the_json_form_leads_back_to_the_value(annotation: Any, data: st.DataObject) -> None:
    codec = codec_for(annotation)
    value = data.draw(ALL[annotation])

    if annotation is Struct:  # protobuf's own JSON prints fewer digits of a float than it has
        value = Struct()
    assert codec.from_json(codec.to_json(value)) == value


@settings(max_examples=250)
@given(case=cases(ALL), other=anything)
def test_a_value_of_any_kind_is_read_back_equal_or_is_refused(case: tuple[Any, Any], other: Any) -> None:
    annotation, _ = case
    codec = codec_for(annotation)
    try:
        written = codec.encode(other)
    except ValueMismatchError:
        return

    assert codec.decode(written) == other


@settings(max_examples=200)
@given(value=anything)
@example(value=[[], None, [1]])
@example(value={"a": ()})
def test_what_can_be_sent_is_valid_json_or_known_bytes(value: Any) -> None:
    try:
        typed = pack(value)
    except (NotAMessageError, ValueMismatchError):
        return

    assert json_of(typed, KNOWN) is not NO_JSON


@pytest.mark.parametrize("annotation", [*PRIMITIVES, *MESSAGES], ids=str)
@settings(max_examples=12)
@given(data=st.data())
def test_a_sent_value_is_written_as_a_field_of_its_type_is(annotation: Any, data: st.DataObject) -> None:
    codec = codec_for(annotation)
    value = data.draw(ALL[annotation])

    typed = pack(value)

    assert (typed.typename, typed.value) == (codec.typename, codec.encode(value))


UNDECLARED = [annotation for annotation in SHAPES if "Literal" not in str(annotation)]


@pytest.mark.parametrize("annotation", UNDECLARED, ids=str)
@settings(max_examples=12)
@given(data=st.data())
def test_a_sent_container_is_read_by_a_handler_that_declares_its_type(annotation: Any, data: st.DataObject) -> None:
    value = data.draw(SHAPES[annotation])
    try:
        typed = pack(value)
    except NotAMessageError:  # an attrs class without a name
        return
    codec = codec_for(annotation)

    if codec.typename == typed.typename:
        assert codec.decode(typed.value) == value
