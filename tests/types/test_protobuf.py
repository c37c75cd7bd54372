"""Protobuf messages as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from statefun_actors.errors import ValueMismatchError
from statefun_actors.types import codec_for, pack


def _with_required_field() -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="old/old.proto", package="old", syntax="proto2")
    inner = file.message_type.add(name="Inner")
    inner.field.add(name="id", number=1, type=field.TYPE_INT32, label=field.LABEL_REQUIRED)
    outer = file.message_type.add(name="Outer")
    outer.field.add(name="inner", number=1, type=field.TYPE_MESSAGE, type_name=".old.Inner", label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("old.Outer"))


Outer = _with_required_field()


def parts(message: Any) -> tuple[str, bytes]:
    """For comparing: ``==`` of Anys looks for their type in pure Python, which fails or, in old ones, warns."""
    return message.type_url, message.value


def nested(depth: int) -> Value:
    value = innermost = Value()
    for _ in range(depth):
        innermost = innermost.list_value.values.add()
    innermost.number_value = 1
    return value


def test_bytes_are_those_of_protobuf() -> None:
    codec = codec_for(Duration)
    duration = Duration(seconds=5)

    assert codec.typename == "type.googleapis.com/google.protobuf.Duration"
    assert codec.accepts == {codec.typename}
    assert codec.spelling == "`Duration`"
    assert codec.encode(duration) == duration.SerializeToString()
    assert codec.decode(duration.SerializeToString(), codec.typename) == duration


def test_maps_are_written_in_one_order() -> None:
    one, other = Struct(), Struct()
    one.update({"a": 1, "b": 2, "c": 3})
    other.update({"c": 3, "b": 2, "a": 1})

    assert codec_for(Struct).encode(one) == codec_for(Struct).encode(other)


@pytest.mark.parametrize("value", [Timestamp(), b"", None, Duration])
def test_a_value_of_another_class_is_refused(value: Any) -> None:
    for refuse in (codec_for(Duration).encode, codec_for(Duration).to_json):
        with pytest.raises(ValueMismatchError) as caught:
            refuse(value)

        got = {Timestamp: "`Timestamp`", bytes: "`bytes`", type(None): "`None`", type(Duration): "`Duration`"}
        assert str(caught.value) == f"expected `Duration`, got {got[type(value)]}"


def test_a_missing_required_field_is_refused_on_writing_and_on_reading() -> None:
    codec = codec_for(Outer)
    incomplete = Outer()
    incomplete.inner.SetInParent()

    attempts: list[Callable[[], object]] = [
        lambda: codec.encode(incomplete),
        lambda: pack(incomplete),
        lambda: codec.decode(b"\x0a\x00"),
        lambda: codec.from_json({"inner": {}}),
    ]
    for attempt in attempts:
        with pytest.raises(ValueMismatchError) as caught:
            attempt()
        assert str(caught.value) == "expected `Outer` with all required fields, got one without inner.id"
    incomplete.inner.id = 1
    assert codec.decode(codec.encode(incomplete)) == incomplete


def test_malformed_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^malformed google\.protobuf\.Duration: "):
        codec_for(Duration).decode(b"\x08")


def reads_any_depth() -> bool:
    """Whether this is pure Python before 5.29.5, which reads its own bytes at any depth."""
    try:
        Value.FromString(nested(60).SerializeToString())
    except DecodeError:
        return False
    return True


@pytest.mark.skipif(reads_any_depth(), reason="no message is too deep for this protobuf's parser")
def test_a_message_too_deep_for_parsers_is_not_written() -> None:
    codec = codec_for(Value)

    assert codec.decode(codec.encode(nested(40))) == nested(40)
    with pytest.raises(ValueMismatchError) as caught:
        codec.encode(nested(60))
    assert str(caught.value) == "expected `Value` nested at most 100 deep, got a deeper one"


def test_another_typename_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        codec_for(Duration).decode(b"", "bank/x")

    assert str(caught.value) == "`Duration` is read from type.googleapis.com/google.protobuf.Duration, got bank/x"


def test_the_json_form_is_that_of_protobuf() -> None:
    codec = codec_for(Duration)

    assert codec.to_json(Duration(seconds=5)) == "5s"
    assert codec.from_json("5s") == Duration(seconds=5)


@pytest.mark.parametrize("form", ["soon", 5, None, ["5s"], {"seconds": 5}])
def test_another_json_form_is_refused(form: Any) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(Duration).from_json(form)

    assert str(caught.value).startswith(f"expected the JSON form of `Duration`, got {form!r} (")


def test_an_any_is_a_state_of_its_own_type() -> None:
    codec = codec_for(AnyMessage)
    message = AnyMessage(type_url="some/type", value=b"\x00")

    assert codec.typename == "type.googleapis.com/google.protobuf.Any"
    assert parts(codec.decode(codec.encode(message))) == parts(message)


def test_the_json_form_of_an_any_of_an_unknown_type_keeps_its_bytes() -> None:
    codec = codec_for(AnyMessage)
    known, unknown = AnyMessage(), AnyMessage(type_url="some/type", value=b"\x00")
    known.Pack(Duration(seconds=5))

    assert codec.to_json(known) == {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "5s"}
    assert codec.to_json(unknown) == {"@type": "some/type", "value_base64": "AA=="}
    assert parts(codec.from_json(codec.to_json(known))) == parts(known)
    assert parts(codec.from_json(codec.to_json(unknown))) == parts(unknown)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"@type": "some/type", "value_base64": "?"}, "expected base64 text, got '?' - at `$.value_base64`"),
        ({"@type": 5, "value_base64": ""}, "expected `str`, got `int` - at `$['@type']`"),
    ],
)
def test_another_json_form_of_an_any_is_refused(form: Any, error: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(AnyMessage).from_json(form)

    assert str(caught.value) == error
