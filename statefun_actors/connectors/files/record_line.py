"""The JSON form of an egress record, in files, on standard output and over HTTP."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Final

import msgspec

from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types import NO_JSON, Codec, json_of, record_of_typed

_CONTROL: Final = frozenset(map(chr, range(0x20))) - frozenset("\t\n\r")


def record_line(value: TypedValue, known: Mapping[str, Codec] | None = None) -> bytes:
    """The JSON form of an egress record, on one line."""
    try:
        record = record_of_typed(value)
    except ValueError:
        record = None
    if record is not None:
        return _encoded(_record_form(record))
    shown = json_of(value, known)
    if shown is not NO_JSON:
        with contextlib.suppress(ValueError):  # an unpaired surrogate
            return _encoded({"type": value.typename, "value": shown})
    return _encoded({"type": value.typename, "value_base64": value.value})


def _record_form(record: KafkaRecord | KinesisRecord) -> dict[str, object]:
    form: dict[str, object]
    if isinstance(record, KafkaRecord):
        form = {"topic": record.topic, "key": record.key}
    else:
        form = {"stream": record.stream, "partition_key": record.partition_key}
        if record.explicit_hash_key is not None:
            form["explicit_hash_key"] = record.explicit_hash_key
    data = record.value
    if data[:1] in (b"{", b"[") and _is_json(data):
        # Newlines in JSON are only between tokens.
        form["value"] = msgspec.Raw(data.replace(b"\n", b" ").replace(b"\r", b" "))
        return form
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROL.isdisjoint(text):
        form["value"] = text
    else:
        form["value_base64"] = data
    return form


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _encoded(form: object) -> bytes:
    try:
        return msgspec.json.encode(form)
    except OverflowError:  # an int beyond 64 bits
        return json.dumps(form, ensure_ascii=False, separators=(",", ":"), default=str).encode()
