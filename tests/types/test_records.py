"""Records for Kafka and Kinesis."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types import kafka_record, kafka_to_typed, kinesis_record, record_of_typed, record_to_typed
from tests.types.shapes import Added, Line, texts

KAFKA = "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"
KINESIS = "type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord"


def _official(name: str, fields: dict[str, int]) -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="egress", syntax="proto3")
    record = file.message_type.add(name=name)
    for each, number in fields.items():
        kind = field.TYPE_BYTES if each == "value_bytes" else field.TYPE_STRING
        record.field.add(name=each, number=number, type=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"egress.{name}"))


OfficialKafka = _official("Kafka", {"key": 1, "value_bytes": 2, "topic": 3})
OfficialKinesis = _official("Kinesis", {"partition_key": 1, "value_bytes": 2, "stream": 3, "explicit_hash_key": 4})


topics = st.from_regex(r"[A-Za-z0-9._-]{1,249}", fullmatch=True).filter(lambda name: name not in (".", ".."))


@given(topic=topics, key=st.none() | texts, value=st.binary(max_size=300))
def test_a_kafka_record_is_what_statefun_reads(topic: str, key: str | None, value: bytes) -> None:
    record = kafka_record(topic=topic, key=key, value=value)

    typed = record_to_typed(record)

    assert record == KafkaRecord(topic, value, key or None)
    assert typed.typename == KAFKA
    assert typed.value == OfficialKafka(topic=topic, key=key, value_bytes=value).SerializeToString()
    assert record_of_typed(typed) == record


@given(stream=texts.filter(bool), key=texts.filter(bool), hash_key=st.none() | texts, value=st.binary(max_size=9))
def test_a_kinesis_record_is_what_statefun_reads(stream: str, key: str, hash_key: str | None, value: bytes) -> None:
    record = kinesis_record(stream=stream, partition_key=key, value=value, explicit_hash_key=hash_key)

    typed = record_to_typed(record)

    official = OfficialKinesis(stream=stream, partition_key=key, explicit_hash_key=hash_key, value_bytes=value)
    assert record == KinesisRecord(stream, key, value, hash_key or None)
    assert (typed.typename, typed.value) == (KINESIS, official.SerializeToString())
    assert record_of_typed(typed) == record


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (b"\xff", b"\xff"),
        ("é", "é".encode()),
        ("", b""),
        (Duration(seconds=1), b"\x08\x01"),
        (Added("x"), b'{"count":1,"sku":"x"}'),
        (258, b"\x00\x00\x01\x02"),
        (-1, b"\xff\xff\xff\xff"),
        (0.5, struct.pack(">d", 0.5)),
    ],
)
def test_the_bytes_of_a_value(value: Any, data: bytes) -> None:
    assert kafka_record(topic="t", value=value).value == data
    assert kinesis_record(stream="s", partition_key="k", value=value).value == data


TOPIC = (
    "a name that Kafka allows for a topic (1 to 249 of the characters A-Z, a-z, 0-9, `.`, `_` and `-`; not `.` or `..`)"
)
VALUES = "bytes, str, int, float, a protobuf message or a @message class"
TEXT = r"text that UTF-8 can encode, got '\ud800', which holds a lone surrogate"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"topic": 5}, "expected `str`, got `int` - at `topic`"),
        ({"topic": ""}, "expected a non-empty `str`, got '' - at `topic`"),
        ({"topic": "\ud800"}, f"expected {TEXT} - at `topic`"),
        ({"topic": "a\0b"}, rf"expected {TOPIC}, got 'a\x00b' - at `topic`"),
        ({"topic": "a b"}, f"expected {TOPIC}, got 'a b' - at `topic`"),
        ({"topic": "t\n"}, rf"expected {TOPIC}, got 't\n' - at `topic`"),
        ({"topic": "ü"}, f"expected {TOPIC}, got 'ü' - at `topic`"),
        ({"topic": "."}, f"expected {TOPIC}, got '.' - at `topic`"),
        ({"topic": ".."}, f"expected {TOPIC}, got '..' - at `topic`"),
        ({"topic": "t" * 250}, f"expected {TOPIC}, got '{'t' * 79}… - at `topic`"),
        ({"key": b"x"}, "expected `str | None`, got `bytes` - at `key`"),
        ({"key": "\ud800"}, f"expected {TEXT} - at `key`"),
        ({"value": None}, f"expected {VALUES}, got `None` - at `value`"),
        ({"value": True}, f"expected {VALUES}, got `bool` - at `value`"),
        ({"value": [1]}, f"expected {VALUES}, got `list` - at `value`"),
        ({"value": Line("x")}, f"expected {VALUES}, got `Line` - at `value`"),
        ({"value": "\ud800"}, f"expected {TEXT} - at `value`"),
        ({"value": 1 << 31}, "expected an int of 32 bits (a longer one as str), got 2147483648 - at `value`"),
        ({"value": Added(1)}, "expected `str`, got `int` - at `value.sku`"),  # type: ignore[arg-type]
    ],
)
def test_the_error_names_the_argument_that_does_not_fit(arguments: dict[str, Any], error: str) -> None:
    valid: dict[str, Any] = {"topic": "t", "value": b""}

    with pytest.raises(ValueMismatchError) as caught:
        kafka_record(**(valid | arguments))

    assert str(caught.value) == error


@pytest.mark.parametrize("argument", ["stream", "partition_key"])
def test_an_empty_name_is_refused(argument: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        kinesis_record(**{"value": b"", **dict.fromkeys(["stream", "partition_key"], "x"), argument: ""})  # type: ignore[arg-type]

    assert str(caught.value) == f"expected a non-empty `str`, got '' - at `{argument}`"


def test_fields_that_newer_versions_add_are_ignored() -> None:
    newer = OfficialKafka(topic="t", value_bytes=b"v").SerializeToString() + b"\x22\x02ab\x28\x01\x35\x00\x00\x00\x00"

    assert record_of_typed(TypedValue(KAFKA, newer)) == KafkaRecord("t", b"v")


def test_other_values_are_not_records() -> None:
    assert record_of_typed(TypedValue("io.statefun.types/string", b"")) is None


@pytest.mark.parametrize("data", [b"\x0a\x05a", b"\x1a\x01\xff", b"\x80"])
def test_malformed_records_are_refused(data: bytes) -> None:
    for typename in (KAFKA, KINESIS):
        with pytest.raises(ValueError, match=r"malformed|decode"):
            record_of_typed(TypedValue(typename, data))


@pytest.mark.parametrize("topic", ["...", ".a", "t" * 249, "A-z_0.9"])
def test_every_name_that_kafka_allows_is_taken(topic: str) -> None:
    assert record_to_typed(kafka_record(topic=topic, value=b"")) == kafka_to_typed(KafkaRecord(topic, b""))


@pytest.mark.parametrize("topic", ["", "a\0b"])
def test_a_handmade_record_for_an_impossible_topic_is_refused_each_time(topic: str) -> None:
    with pytest.raises(ValueMismatchError) as made:
        kafka_record(topic=topic, value=b"")
    for _ in range(2):
        with pytest.raises(ValueMismatchError) as caught:
            record_to_typed(KafkaRecord(topic, b"x"))
        assert str(caught.value) == str(made.value)
