"""Values of all types, as text for people and as Python values for tests and tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import Int64Value

from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types import NO_JSON, codec_for, json_of, json_text_of, message, pack, record_to_typed, value_of
from tests.types.shapes import Added

KNOWN = {"shop/added": codec_for(Added)}


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        (pack(5), 5),
        (TypedValue("io.statefun.types/int", b"\x0d\x05\0\0\0"), 5),
        (pack(float("nan")), "NaN"),
        (pack(b"\xff"), "/w=="),
        (TypedValue("type.googleapis.com/google.protobuf.Int64Value", Int64Value(value=5).SerializeToString()), 5),
        (pack(Duration(seconds=1)), "1s"),
        (pack({"a": [1]}), {"a": [1]}),
        (pack(Added("x")), {"sku": "x", "count": 1}),
        (
            record_to_typed(KafkaRecord("t", b"v", "k")),
            {"topic": "t", "key": "k", "value": "v"},
        ),
        (
            record_to_typed(KinesisRecord("s", "k", b"\xff")),
            {"stream": "s", "partition_key": "k", "explicit_hash_key": None, "value_base64": "/w=="},
        ),
    ],
)
def test_values_with_a_json_form(typed: TypedValue, form: Any) -> None:
    assert json_of(typed, KNOWN) == form
    text = json_text_of(typed, KNOWN)
    assert text is not None
    assert json.loads(text) == form


@pytest.mark.parametrize(
    "typed",
    [
        TypedValue("shop/unheard-of", b"{}"),
        TypedValue("shop/added", b"no JSON"),
        TypedValue("io.statefun.types/int", b"\x0d"),
        TypedValue("statefun-actors/json", b"{"),
        TypedValue("type.googleapis.com/not.Imported", b""),
        TypedValue("type.googleapis.com/google.protobuf.Duration", b"\x08"),
        TypedValue("type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord", b"\x08"),
        TypedValue("\ud800", b""),
        TypedValue("type.googleapis.com/\ud800", b""),
        TypedValue("", b""),
    ],
)
def test_values_without_a_json_form(typed: TypedValue) -> None:
    assert json_of(typed) is NO_JSON
    assert json_of(typed, KNOWN) is NO_JSON
    assert json_text_of(typed) is json_text_of(typed, KNOWN) is None


def test_a_type_url_is_read_as_its_type_if_the_class_has_another_name() -> None:
    from google.protobuf.source_context_pb2 import SourceContext

    message("local/context")(SourceContext)
    value = SourceContext(file_name="x")

    typed = TypedValue("type.googleapis.com/google.protobuf.SourceContext", value.SerializeToString())
    assert json_of(typed) == {"fileName": "x"}
    assert value_of(typed) == value
    assert value_of(pack(value)) == value


def test_typed_values_are_decoded_to_python_values() -> None:
    record = KafkaRecord("t", b"v", "k")

    for value in (5, "x", b"x", Duration(seconds=1), Added("x"), {"a": [1]}, record):
        typed = record_to_typed(value) if isinstance(value, KafkaRecord) else pack(value)
        assert value_of(typed) == value
    for typed in (TypedValue("no/such", b""), TypedValue("statefun-actors/json", b"{")):
        assert value_of(typed) is typed


def test_a_class_is_found_by_its_name() -> None:
    assert json_of(pack(Added("x"))) == {"sku": "x", "count": 1}
