"""Records for Kafka and Kinesis, as in Apache's ``statefun.egress_io``."""

from __future__ import annotations

import struct

from statefun_actors.compat.statefun3.core import Type
from statefun_actors.compat.statefun3.messages import EgressMessage
from statefun_actors.compat.statefun3.utils import typed_value
from statefun_actors.model import KafkaRecord, KinesisRecord
from statefun_actors.types import record_to_typed


def kafka_egress_message(
    typename: str,
    topic: str,
    value: str | bytes | bytearray | float | object,
    value_type: Type | None = None,
    key: str | None = None,
) -> EgressMessage:
    """A record of the Kafka topic *topic* for the egress *typename*.

    *value_type* encodes *value*. Without one, a str is encoded in UTF-8, an int in 4 bytes and a float in 8, both
    big-endian, and bytes are written as they are.

    Raises:
        ValueError: the topic or the value is missing.
        TypeError: the value can't be encoded without a type, or the serializer of the type returns no bytes.
    """
    if not topic:
        raise ValueError(f"expected a topic for the egress {typename}, got none")
    record = KafkaRecord(topic, _record_bytes(typename, value, value_type, numbers=True), key or None)
    return EgressMessage(typename, record_to_typed(record))


def kinesis_egress_message(
    typename: str,
    stream: str,
    value: str | bytes | bytearray | object,
    partition_key: str,
    value_type: Type | None = None,
    explicit_hash_key: str | None = None,
) -> EgressMessage:
    """A record of the Kinesis stream *stream* for the egress *typename*; *value* as for Kafka, without the numbers.

    Raises:
        ValueError: the stream, the value or the partition key is missing.
        TypeError: the value can't be encoded without a type, or the serializer of the type returns no bytes.
    """
    if not stream:
        raise ValueError(f"expected a stream for the egress {typename}, got none")
    data = _record_bytes(typename, value, value_type, numbers=False)
    if partition_key is None:
        raise ValueError(f"expected a partition key for the egress {typename}, got None")
    return EgressMessage(
        typename, record_to_typed(KinesisRecord(stream, partition_key, data, explicit_hash_key or None))
    )


def _record_bytes(typename: str, value: object, value_type: Type | None, *, numbers: bool) -> bytes:
    if value is None:
        raise ValueError(f"expected a value for the egress {typename}, got None")
    if value_type:
        return typed_value(value_type, value).value
    match value:
        case str():
            return value.encode()
        case bytes() | bytearray():
            return bytes(value)
        case int() if numbers:
            return struct.pack(">i", value)
        case float() if numbers:
            return struct.pack(">d", value)
        case _:
            accepted = "str, bytes, int or float" if numbers else "str or bytes"
            raise TypeError(
                f"expected {accepted}, or value_type=, for the egress {typename}; got {type(value).__name__}"
            )
