"""Converts typed values to JSON, for people (command lines, dead letters, HTTP replies), and to Python values."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import msgspec
from google.protobuf import descriptor_pool, message_factory

from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.types.codec import Codec, UnstorableTypeError
from statefun_actors.types.codecs import codec_for
from statefun_actors.types.json import JSON_TYPENAME, parse_json
from statefun_actors.types.message_names import classes_named
from statefun_actors.types.primitives import PRIMITIVES
from statefun_actors.types.protobuf import TYPE_URL_PREFIX, ProtobufCodec
from statefun_actors.types.records import record_of_typed
from statefun_actors.types.scalars import base64_text


class NoJson(Enum):
    """The type of :data:`NO_JSON`."""

    NO_JSON = "no JSON form"


NO_JSON: Final = NoJson.NO_JSON
"""The result of :func:`json_of` for a value without a JSON form: show its bytes in base64."""

_PRIMITIVES: Final[dict[str, Codec]] = {
    typename: codec for codec in PRIMITIVES.values() for typename in (*codec.accepts, *codec.lenient)
}

_codecs: dict[str, Codec] = {}
_encode: Final = msgspec.json.Encoder().encode


def json_of(typed: TypedValue, known: Mapping[str, Codec] | None = None) -> object:
    """The JSON form of *typed* (JSON builtins only), or :data:`NO_JSON`. Raises nothing.

    The codec is looked up in *known* (typename → codec), then among the primitives and their 2.x wrappers,
    ``statefun-actors/json``, the records of egresses, the protobuf messages imported by this process, and the classes
    named by ``@message``. Bytes that do not fit their type have no JSON form.
    """
    typename = typed.typename
    try:
        codec = _codec(typename, known)
        if codec is not None:
            return codec.to_json(codec.decode(typed.value, typename))
        if typename == JSON_TYPENAME:
            return parse_json(typed.value)
        record = record_of_typed(typed)
    except ValueError:  # ValueMismatchError is one
        return NO_JSON
    if record is None:
        return _named(typed)
    if isinstance(record, KafkaRecord):
        form: dict[str, object] = {"topic": record.topic, "key": record.key}
    else:
        form = {
            "stream": record.stream,
            "partition_key": record.partition_key,
            "explicit_hash_key": record.explicit_hash_key,
        }
    try:
        form["value"] = record.value.decode()
    except UnicodeDecodeError:
        form["value_base64"] = base64_text(record.value)
    return form


def json_text_of(typed: TypedValue, known: Mapping[str, Codec] | None = None) -> bytes | None:
    """The same as text; None if there is no JSON form. Values stored as JSON are not parsed and encoded again."""
    codec = _codec(typed.typename, known)
    if codec is not None:
        try:
            return codec.json_text(codec.decode(typed.value, typed.typename))
        except ValueError:
            return None
    obj = json_of(typed)
    return None if obj is NO_JSON else _encode(obj)


def _codec(typename: str, known: Mapping[str, Codec] | None) -> Codec | None:
    return (known.get(typename) if known else None) or codec_known(typename)


def _named(typed: TypedValue) -> object:
    """The JSON form of a value of a named class: an application may send what none of its handlers takes."""
    for cls in reversed(classes_named(typed.typename)):
        try:
            codec = codec_for(cls)
            return codec.to_json(codec.decode(typed.value, typed.typename))
        except (ValueError, UnstorableTypeError):
            continue
    return NO_JSON


def codec_known(typename: str) -> Codec | None:
    """The codec of a primitive, or of a protobuf message whose generated module has been imported."""
    return _PRIMITIVES.get(typename) or _imported(typename)


def _imported(typename: str) -> Codec | None:
    """The codec of the protobuf message *typename*, if its generated module has been imported."""
    if typename in _codecs or not typename.startswith(TYPE_URL_PREFIX):
        return _codecs.get(typename)
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(typename.removeprefix(TYPE_URL_PREFIX))
    except (KeyError, TypeError):  # TypeError: no text that protobuf could look up
        return None
    return _codecs.setdefault(typename, ProtobufCodec(message_factory.GetMessageClass(descriptor), typename))


def codec_named(typename: str, known: Mapping[str, Codec] | None = None) -> Codec | None:
    """The codec of *typename*: among *known* codecs, primitives, imported classes; None if it is unknown.

    Raises:
        UnstorableTypeError: values of the class of that name can't be stored.
    """
    codec = (known.get(typename) if known else None) or codec_known(typename)
    if codec is None and (classes := classes_named(typename)):
        codec = codec_for(classes[-1])
    return codec


def value_of(typed: TypedValue, known: Mapping[str, Codec] | None = None) -> Any:
    """Decode *typed* with *known* codecs, primitives, imported classes; records become records.

    ``statefun-actors/json`` becomes JSON builtins. A value of unknown type, or that can't be decoded, is returned as it
    is.
    """
    try:
        codec = codec_named(typed.typename, known)
        if codec is not None:
            return codec.decode(typed.value, typed.typename)
        if typed.typename == JSON_TYPENAME:
            return parse_json(typed.value)
        record = record_of_typed(typed)
    except (UnstorableTypeError, ValueError):  # of the ValueErrors, ValueMismatchError is one
        return typed
    return typed if record is None else record
