"""bool, int, float, str and bytes, as every StateFun SDK writes them."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.errors import ValueMismatchError
from statefun_actors.types import codec_for
from tests.types.shapes import PRIMITIVES

TYPES = "io.statefun.types"


def _official_wrappers() -> dict[str, Any]:
    """The one-field messages of the published types.proto, built here from their names and field types."""
    field = descriptor_pb2.FieldDescriptorProto
    kinds = {
        "bool": field.TYPE_BOOL,
        "int": field.TYPE_SFIXED32,
        "long": field.TYPE_SFIXED64,
        "float": field.TYPE_FLOAT,
        "double": field.TYPE_DOUBLE,
        "string": field.TYPE_STRING,
    }
    file = descriptor_pb2.FileDescriptorProto(name="official/types.proto", package="official", syntax="proto3")
    for name, kind in kinds.items():
        wrapper = file.message_type.add(name=name.capitalize())
        wrapper.field.add(name="value", number=1, type=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"official.{name.capitalize()}"))
        for name in kinds
    }


OFFICIAL = _official_wrappers()
WRITTEN_AS = {bool: "bool", int: "long", float: "double", str: "string"}


@pytest.mark.parametrize("cls", WRITTEN_AS, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_bytes_are_those_of_the_official_messages_both_ways(cls: type, data: st.DataObject) -> None:
    value = data.draw(PRIMITIVES[cls])
    official = OFFICIAL[WRITTEN_AS[cls]]
    codec = codec_for(cls)

    assert codec.typename == f"{TYPES}/{WRITTEN_AS[cls]}"
    assert codec.encode(value) == official(value=value).SerializeToString()
    assert codec.decode(official(value=value).SerializeToString(), codec.typename) == value


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_int_reads_the_32_bits_of_other_languages(value: int) -> None:
    assert codec_for(int).decode(OFFICIAL["int"](value=value).SerializeToString(), f"{TYPES}/int") == value


@given(st.floats(width=32, allow_nan=False))
def test_float_reads_the_32_bits_of_other_languages(value: float) -> None:
    assert codec_for(float).decode(OFFICIAL["float"](value=value).SerializeToString(), f"{TYPES}/float") == value


@pytest.mark.parametrize(
    ("cls", "wrapper", "value"),
    [
        (bool, wrappers_pb2.BoolValue, True),
        (int, wrappers_pb2.Int64Value, -5),
        (int, wrappers_pb2.Int32Value, -5),
        (int, wrappers_pb2.UInt64Value, 5),
        (int, wrappers_pb2.UInt32Value, 5),
        (float, wrappers_pb2.DoubleValue, 0.1),
        (float, wrappers_pb2.FloatValue, 0.5),
        (str, wrappers_pb2.StringValue, "é"),
        (bytes, wrappers_pb2.BytesValue, b"\xff"),
    ],
)
def test_the_wrapper_messages_of_2x_are_read_too(cls: type, wrapper: Any, value: Any) -> None:
    codec = codec_for(cls)
    typename = f"type.googleapis.com/{wrapper.DESCRIPTOR.full_name}"

    assert typename in codec.lenient
    assert typename not in codec.accepts
    assert codec.decode(wrapper(value=value).SerializeToString(), typename) == value
    assert codec.decode(b"", typename) == cls()


@pytest.mark.parametrize(
    ("cls", "value", "data"),
    [
        (bool, False, b""),
        (bool, True, b"\x08\x01"),
        (int, 0, b""),
        (int, -1, b"\x09" + b"\xff" * 8),
        (float, 0.0, b""),
        (float, -0.0, b"\x09" + b"\x00" * 7 + b"\x80"),
        (float, 3, b"\x09" + struct.pack("<d", 3.0)),
        (str, "", b""),
        (str, "x" * 127, b"\x0a\x7f" + b"x" * 127),
        (str, "x" * 128, b"\x0a\x80\x01" + b"x" * 128),
        (bytes, b"", b""),
        (bytes, b"\x0a", b"\x0a"),
    ],
)
def test_these_bytes_never_change(cls: type, value: Any, data: bytes) -> None:
    codec = codec_for(cls)

    assert codec.encode(value) == data
    assert codec.decode(data) == value
    assert codec.decode(data).__class__ is cls


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, -0.0, 5e-324])
def test_a_float_field_keeps_every_bit(number: float) -> None:
    codec = codec_for(float)

    read = codec.decode(codec.encode(number))

    assert struct.pack("<d", read) == struct.pack("<d", number)


def test_a_nan_keeps_its_payload() -> None:
    data = b"\x09" + struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF)
    codec = codec_for(float)

    assert codec.encode(codec.decode(data)) == data


@pytest.mark.parametrize(
    ("cls", "data", "value"),
    [
        (int, b"\x09" + b"\x01" * 8 + b"\x09" + b"\x00" * 8, 0),
        (int, b"\x10\x05" + b"\x09" + b"\x02" + b"\x00" * 7, 2),
        (int, b"\x08\x05", 0),
        (int, b"\x12\x07" + b"\x09" * 7, 0),
        (float, b"\x08\x80\x80\x80\x80\x80\x80\x01", 0.0),
        (float, b"\x11" + b"\x00" * 8, 0.0),
        (float, b"\x10\x01\x09" + struct.pack("<d", 2.5), 2.5),
        (float, b"\x15\x00\x00\x00\x00", 0.0),
        (bool, b"\x08\x02", True),
        (bool, b"\x08\x01\x08\x00", False),
        (bool, b"\x08\x81\x00", True),
        (str, b"\x0a\x81\x00x", "x"),
        (str, b"\x0a\x01x\x0a\x01y\x13\x0a\x01z\x14", "y"),
    ],
)
def test_unknown_fields_are_skipped_and_the_last_value_wins(cls: type, data: bytes, value: Any) -> None:
    assert codec_for(cls).decode(data) == value
    assert OFFICIAL[WRITTEN_AS[cls]].FromString(data).value == value


@pytest.mark.parametrize(
    ("cls", "value", "error"),
    [
        (bool, 1, "expected `bool`, got `int`"),
        (int, True, "expected `int`, got `bool`"),
        (int, 1.0, "expected `int`, got `float`"),
        (int, None, "expected `int`, got `None`"),
        (int, 1 << 63, "expected an int of 64 bits, got 9223372036854775808"),
        (int, -(1 << 63) - 1, "expected an int of 64 bits, got -9223372036854775809"),
        pytest.param(int, 10**5000, "expected an int of 64 bits, got one of 16610 bits", id="huge"),
        (float, True, "expected `float`, got `bool`"),
        (float, "1", "expected `float`, got `str`"),
        (float, (1 << 53) + 1, "expected an int that a float can hold exactly, got 9007199254740993"),
        (float, 1 << 1024, "expected an int that a float can hold exactly, got one of 1025 bits"),
        (str, b"x", "expected `str`, got `bytes`"),
        (str, "\ud800", r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate"),
        (bytes, bytearray(b"x"), "expected `bytes`, got `bytearray`"),
    ],
)
def test_unfit_values_are_refused(cls: type, value: Any, error: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(cls).encode(value)

    assert str(caught.value) == error


def test_an_unsigned_int_beyond_64_bits_with_sign_is_refused() -> None:
    typename = "type.googleapis.com/google.protobuf.UInt64Value"

    with pytest.raises(ValueMismatchError) as caught:
        codec_for(int).decode(wrappers_pb2.UInt64Value(value=1 << 63).SerializeToString(), typename)

    assert str(caught.value) == "expected an int of 64 bits, got 9223372036854775808"


@pytest.mark.parametrize("cls", PRIMITIVES, ids=lambda cls: cls.__name__)
def test_another_typename_is_refused_and_the_right_ones_named(cls: type) -> None:
    codec = codec_for(cls)

    with pytest.raises(ValueError) as caught:
        codec.decode(b"", "bank/deposit")

    assert str(caught.value) == f"`{cls.__name__}` is read from {', '.join(sorted(codec.accepts))}, got bank/deposit"


def test_a_malformed_wrapper_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^malformed type\.googleapis\.com/google\.protobuf\.Int64Value: "):
        codec_for(int).decode(b"\x08", "type.googleapis.com/google.protobuf.Int64Value")


@pytest.mark.parametrize(
    ("cls", "value", "form"),
    [
        (int, 5, 5),
        (bool, True, True),
        (str, "x", "x"),
        (float, 1.5, 1.5),
        (float, 2, 2.0),
        (float, math.inf, "Infinity"),
        (float, -math.inf, "-Infinity"),
        (bytes, b"\xff", "/w=="),
    ],
)
def test_the_json_form(cls: type, value: Any, form: Any) -> None:
    codec = codec_for(cls)

    assert codec.to_json(value) == form
    assert codec.from_json(form) == value


def test_the_json_form_of_nan_is_text() -> None:
    codec = codec_for(float)

    assert codec.to_json(math.nan) == "NaN"
    assert math.isnan(codec.from_json("NaN"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cls", "form", "error"),
    [
        (int, 1.0, "expected `int`, got `float`"),
        (int, "5", "expected `int`, got `str`"),
        (float, "5", "expected `float`, got `str`"),
        (float, 10**400, "expected a number that a float can hold, got one of 1329 bits"),
        (str, None, "expected `str`, got `None`"),
        (bytes, "?", "expected base64 text, got '?'"),
        (bytes, 5, "expected base64 text, got `int`"),
    ],
)
def test_another_json_form_is_refused(cls: type, form: Any, error: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(cls).from_json(form)

    assert str(caught.value) == error


def test_primitives_are_immutable() -> None:
    assert all(codec_for(cls).immutable for cls in PRIMITIVES)
