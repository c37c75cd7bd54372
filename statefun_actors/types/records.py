"""Records for Kafka and Kinesis egresses, and the protobuf messages that StateFun expects for them."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any, Final, NoReturn

from google.protobuf.message import Message

from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types import wire
from statefun_actors.types.codec import UnstorableTypeError
from statefun_actors.types.codecs import codec_for
from statefun_actors.types.kinds import is_attrs_class
from statefun_actors.types.message_names import message_name
from statefun_actors.types.mismatch import kind, shown, text_mismatch

KAFKA_TYPENAME: Final = "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"
KINESIS_TYPENAME: Final = "type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord"

TOPIC_FORM: Final = "1 to 249 of the characters A-Z, a-z, 0-9, `.`, `_` and `-`; not `.` or `..`"
"""The names that Kafka allows for a topic."""
_TOPIC: Final = re.compile(r"(?!\.\.?\Z)[A-Za-z0-9._-]{1,249}")
_MAX_CACHED_TOPICS: Final = 1_000
_MOST_ENDS: Final = 16
_checked_ends: Final[list[tuple[bytes, ...]]] = [()]
"""In one item, so that it is replaced at once: the last topics that were checked, as a record ends with them. Reading
all of each record would take as long as sending it. One that ends so by chance has another topic before, or none: then
its egress refuses it.
"""
# Tag and length by length. Empty fields are left out.
_KEY, _VALUE = [b"", *wire.SHORT[1][1:]], [b"", *wire.SHORT[2][1:]]
_PAYLOADS = "bytes, str, int, float, a protobuf message or a @message class"


def kafka_record(*, topic: str, value: object, key: str | None = None) -> KafkaRecord:
    """Create a record for a Kafka egress. An empty *key* means no key, as in StateFun.

    ::

        kafka_record(topic="receipts", key="ada", value=Deposit(cents=5))

    *topic*: 1 to 249 of the characters A-Z, a-z, 0-9, ``.``, ``_`` and ``-``, but not ``.`` or ``..``: Kafka allows no
    other name.

    *value*: bytes as they are, str in UTF-8, a protobuf message serialized, a ``@message`` class as JSON, an int in 4
    bytes and a float in 8, both big-endian, as the official SDK packs them.

    Raises:
        ValueMismatchError: an argument has another type, or does not fit; the path begins with the argument's name.
    """
    if topic.__class__ is not str or topic not in _topics:
        _topic(topic)
    try:
        data = (_writers.get(type(value)) or _writer_of(type(value)))(value)  # the same as _payload, one call fewer
    except Exception:
        data = _checked_payload(value)
    if key is not None and not (key.__class__ is str and key.isascii()):
        _optional_text("key", key)
    return KafkaRecord(topic, data, key or None)


def kinesis_record(
    *, stream: str, partition_key: str, value: object, explicit_hash_key: str | None = None
) -> KinesisRecord:
    """Create a record for a Kinesis egress. *value* as in :func:`kafka_record`; an empty *explicit_hash_key* means
    none.

    Raises:
        ValueMismatchError: an argument has another type, or does not fit; the path begins with the argument's name.
    """
    return KinesisRecord(
        _name("stream", stream),
        _name("partition_key", partition_key),
        _payload(value),
        _optional_text("explicit_hash_key", explicit_hash_key),
    )


def record_to_typed(record: KafkaRecord | KinesisRecord) -> TypedValue:
    """Encode *record* as the protobuf message that StateFun 3.x expects.

    Raises:
        ValueMismatchError: *record* was not created by :func:`kafka_record` or :func:`kinesis_record`, and is
            malformed.
    """
    try:
        if isinstance(record, KafkaRecord):
            key, value = (record.key or "").encode(), record.value
            try:
                data = b"".join((_KEY[len(key)], key, _VALUE[len(value)], value, _topics[record.topic]))
            except LookupError:  # longer than usual, or a topic that is new
                data = wire.length_field(1, key) + wire.length_field(2, value) + _topic_field(record.topic)
            return TypedValue(KAFKA_TYPENAME, data)
        data = (
            wire.length_field(1, record.partition_key.encode())
            + wire.length_field(2, record.value)
            + wire.length_field(3, record.stream.encode())
            + wire.length_field(4, (record.explicit_hash_key or "").encode())
        )
    except Exception:
        _check_record(record)
        raise
    return TypedValue(KINESIS_TYPENAME, data)


def kafka_to_typed(record: KafkaRecord) -> TypedValue:
    """Encode *record* as :func:`record_to_typed`, with any topic: its egress refuses one that can't exist."""
    key, topic = (record.key or "").encode(), record.topic.encode()
    data = wire.length_field(1, key) + wire.length_field(2, record.value) + wire.length_field(3, topic)
    return TypedValue(KAFKA_TYPENAME, data)


def check_typed_record(value: TypedValue) -> None:
    """Check the topic in *value*, if it is a record for Kafka, such as a protobuf message that the user has made.

    Raises:
        ValueMismatchError: no topic can have this name.
    """
    if value.typename != KAFKA_TYPENAME or value.value.endswith(_checked_ends[0]):
        return
    try:
        topic = _length_fields(value.value).get(3, b"").decode()
    except ValueError:  # malformed: its egress refuses it
        return
    _checked_ends[0] = (*_checked_ends[0][1 - _MOST_ENDS :], wire.length_field(3, _topic(topic).encode()))


def is_topic(name: str) -> bool:
    """Whether Kafka allows a topic of this *name*."""
    return _TOPIC.fullmatch(name) is not None


def _check_record(record: KafkaRecord | KinesisRecord) -> None:
    """Raise the ValueMismatchError of the functions that create records, if *record* is invalid."""
    if isinstance(record, KafkaRecord):
        kafka_record(topic=record.topic, key=record.key, value=record.value)
    else:
        kinesis_record(
            stream=record.stream,
            partition_key=record.partition_key,
            value=record.value,
            explicit_hash_key=record.explicit_hash_key,
        )


def record_of_typed(typed: TypedValue) -> KafkaRecord | KinesisRecord | None:
    """Decode the record in *typed*; None if it is not a record. Fields of newer versions are ignored.

    Raises:
        ValueError: its typename is that of a record, but its bytes are malformed.
    """
    if typed.typename == KAFKA_TYPENAME:
        found = _length_fields(typed.value)
        return KafkaRecord(found.get(3, b"").decode(), found.get(2, b""), found.get(1, b"").decode() or None)
    if typed.typename == KINESIS_TYPENAME:
        found = _length_fields(typed.value)
        return KinesisRecord(
            found.get(3, b"").decode(),
            found.get(1, b"").decode(),
            found.get(2, b""),
            found.get(4, b"").decode() or None,
        )
    return None


_topics: Final[dict[str, bytes]] = {}
"""Encoded topic fields by topic: an application has few topics, and uses them all the time."""


def _topic_field(topic: str) -> bytes:
    field = _topics.get(topic)
    if field is None:
        field = wire.length_field(3, _topic(topic).encode())
        if len(_topics) < _MAX_CACHED_TOPICS:  # cached names have been checked
            _topics[topic] = field
    return field


def _length_fields(data: bytes) -> dict[int, bytes]:
    return {number: value for number, _, value in wire.fields(data) if isinstance(value, bytes)}


def _payload(value: Any) -> bytes:
    try:
        return _writer_of(type(value))(value)
    except Exception:
        return _checked_payload(value)


def _checked_payload(value: Any) -> bytes:
    """The bytes of *value*, by the slow path whose errors have the full text."""
    try:
        return codec_for(type(value)).encode(value) if _has_codec(type(value)) else _writer_of(type(value))(value)
    except UnstorableTypeError as error:
        raise ValueMismatchError(_PAYLOADS, f"{kind(value)}: {error}", "value") from None
    except ValueMismatchError as error:
        raise ValueMismatchError(error.expected, error.got, error.path.replace("$", "value", 1)) from error


def _has_codec(cls: type) -> bool:
    return issubclass(cls, Message) or bool(is_attrs_class(cls) and message_name(cls))


def _four_bytes(value: Any) -> bytes:
    try:
        return struct.pack(">i", value)
    except struct.error:
        raise ValueMismatchError("an int of 32 bits (a longer one as str)", shown(value), "value") from None


def _writer_of(cls: type) -> Callable[[Any], bytes]:
    """The function that encodes the values of *cls*."""
    write = _writers.get(cls)
    if write is not None:
        return write
    if not _has_codec(cls):
        return bytes if issubclass(cls, bytes) else _refuse
    write = codec_for(cls).writer()
    if issubclass(cls, Message):
        _writers[cls] = write  # not for attrs classes: they, or classes in them, may be renamed
    return write


def _refuse(value: object) -> NoReturn:
    raise ValueMismatchError(_PAYLOADS, kind(value), "value")


def _unchanged(value: bytes) -> bytes:
    return value


def _encoded_text(value: str) -> bytes:
    return _encoded("value", value)


_writers: Final[dict[type, Callable[[Any], bytes]]] = {
    bytes: _unchanged,
    str: _encoded_text,
    int: _four_bytes,
    float: struct.Struct(">d").pack,
}


def _name(argument: str, value: Any) -> str:
    if value.__class__ is not str:
        raise ValueMismatchError("`str`", kind(value), argument)
    if not value:
        raise ValueMismatchError("a non-empty `str`", "''", argument)
    _check_text(argument, value)
    return value


def _topic(name: Any) -> str:
    if not is_topic(_name("topic", name)):
        raise ValueMismatchError(f"a name that Kafka allows for a topic ({TOPIC_FORM})", shown(name), "topic")
    return name  # type: ignore[no-any-return]


def _optional_text(argument: str, value: Any) -> str | None:
    if value is None:
        return None
    if value.__class__ is not str:
        raise ValueMismatchError("`str | None`", kind(value), argument)
    _check_text(argument, value)
    return value or None


def _check_text(argument: str, value: str) -> None:
    if not value.isascii():
        _encoded(argument, value)


def _encoded(argument: str, value: Any) -> bytes:
    try:
        return value.encode()  # type: ignore[no-any-return]
    except UnicodeEncodeError:
        mismatch = text_mismatch(value)
        raise ValueMismatchError(mismatch.expected, mismatch.got, argument) from None
