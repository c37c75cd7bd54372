# ruff: noqa: E501 - lines are easier to compare in one piece
"""The form of egress records in a file: a line of JSON each."""

from __future__ import annotations

import json

import pytest

from statefun_actors import KafkaRecord, KinesisRecord, TypedValue, kafka_record, message
from statefun_actors.connectors.files import record_line
from statefun_actors.types import codec_for, pack, record_to_typed


@message("bank/receipt")
class Receipt:
    cents: int


KNOWN = {"bank/receipt": codec_for(Receipt)}


def kafka(value: object, key: str | None = "ada") -> TypedValue:
    return record_to_typed(kafka_record(topic="r", key=key, value=value))


FORMS = [
    pytest.param(kafka(Receipt(cents=5)), '{"topic":"r","key":"ada","value":{"cents":5}}', id="JSON object"),
    pytest.param(kafka(b"[1,\n 2]"), '{"topic":"r","key":"ada","value":[1,  2]}', id="JSON array in two lines"),
    pytest.param(kafka("hello", None), '{"topic":"r","key":null,"value":"hello"}', id="text, no key"),
    pytest.param(kafka("5"), '{"topic":"r","key":"ada","value":"5"}', id="text that is a number"),
    pytest.param(kafka("{a: 1}"), '{"topic":"r","key":"ada","value":"{a: 1}"}', id="text that is almost JSON"),
    pytest.param(kafka('ä\n"ö'), '{"topic":"r","key":"ada","value":"ä\\n\\"ö"}', id="text with what JSON escapes"),
    pytest.param(kafka(""), '{"topic":"r","key":"ada","value":""}', id="nothing"),
    pytest.param(kafka(b"\xff\x00"), '{"topic":"r","key":"ada","value_base64":"/wA="}', id="bytes"),
    pytest.param(kafka(5), '{"topic":"r","key":"ada","value_base64":"AAAABQ=="}', id="int"),
    pytest.param(
        record_to_typed(KinesisRecord("s", "p", b"x")), '{"stream":"s","partition_key":"p","value":"x"}', id="Kinesis"
    ),
    pytest.param(
        record_to_typed(KinesisRecord("s", "p", b"x", "7")),
        '{"stream":"s","partition_key":"p","explicit_hash_key":"7","value":"x"}',
        id="Kinesis with a hash key",
    ),
    pytest.param(pack(Receipt(cents=5)), '{"type":"bank/receipt","value":{"cents":5}}', id="message class"),
    pytest.param(pack(5), '{"type":"io.statefun.types/long","value":5}', id="primitive"),
    pytest.param(pack({"a": [1]}), '{"type":"statefun-actors/json","value":{"a":[1]}}', id="JSON"),
    pytest.param(TypedValue("x/y", b"\x01"), '{"type":"x/y","value_base64":"AQ=="}', id="a type that nobody knows"),
    pytest.param(TypedValue("bank/receipt", b"{"), '{"type":"bank/receipt","value_base64":"ew=="}', id="bytes that do not fit"),
    pytest.param(
        TypedValue("statefun-actors/json", b"%d" % (1 << 70)),
        '{"type":"statefun-actors/json","value":1180591620717411303424}',
        id="an int beyond 64 bits",
    ),
    pytest.param(
        TypedValue(record_to_typed(KafkaRecord("r", b"")).typename, b"\xff"),
        '{"type":"type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord","value_base64":"/w=="}',
        id="a broken record",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), FORMS)
def test_a_record_is_one_line_of_json(value: TypedValue, expected: str) -> None:
    assert record_line(value, KNOWN).decode() == expected
    json.loads(expected)
