"""The JSON form of a record for Kafka or Kinesis, in both directions; ``json_of`` only encodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types import kafka_to_typed, record_to_typed


class _Payload(Struct, forbid_unknown_fields=True):
    value: str | UnsetType = UNSET
    value_base64: bytes | UnsetType = UNSET

    def payload(self) -> bytes:
        if isinstance(self.value, str) and self.value_base64 is UNSET:
            return self.value.encode()
        if isinstance(self.value_base64, bytes) and self.value is UNSET:
            return self.value_base64
        raise ValueError("expected one of `value` and `value_base64` in a record")


class _Kafka(_Payload, kw_only=True, forbid_unknown_fields=True):
    topic: str
    key: str | None = None

    def record(self) -> KafkaRecord:
        return KafkaRecord(self.topic, self.payload(), self.key)


class _Kinesis(_Payload, kw_only=True, forbid_unknown_fields=True):
    stream: str
    partition_key: str
    explicit_hash_key: str | None = None

    def record(self) -> KinesisRecord:
        return KinesisRecord(self.stream, self.partition_key, self.payload(), self.explicit_hash_key)


_KINDS: Final[dict[str, Callable[[bytes], _Kafka | _Kinesis]]] = {
    kafka_to_typed(KafkaRecord("", b"")).typename: msgspec.json.Decoder(_Kafka).decode,
    record_to_typed(KinesisRecord("", "", b"")).typename: msgspec.json.Decoder(_Kinesis).decode,
}


def is_record(typename: str) -> bool:
    return typename in _KINDS


def record_of_text(typename: str, text: bytes) -> TypedValue:
    """The record of the type *typename* whose JSON form is *text*.

    Raises:
        ValueError, MsgspecError: *text* is not such a form.
    """
    record = _KINDS[typename](text).record()
    return kafka_to_typed(record) if isinstance(record, KafkaRecord) else record_to_typed(record)
