"""Encodes outcomes with the headers of their messages and Kafka records, for newer runtimes of 3.x.

A header is the same on the wire in both: an entry of field 4 behind the other fields, of the TypedValue of a message or
of the KafkaProducerRecord. Older runtimes ignore it. Records of other egresses have no place for headers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from statefun_actors.model import Cancel, Done, Egress, Headers, MissingState, Send, SendAfter
from statefun_actors.wire import v3_pb2
from statefun_actors.wire.encoding import Pieces, field, varint
from statefun_actors.wire.reply_writer import ValueFields, Writer, reply_head

_KAFKA_RECORD: Final = f"type.googleapis.com/{v3_pb2.KafkaProducerRecord.DESCRIPTOR.full_name}"


class HeadersWriter(Writer):
    """As Writer, for effects that may have headers. Not for a protocol that converts values."""

    def __init__(self, value_fields: ValueFields, incomplete: Callable[[MissingState], bytes]) -> None:
        super().__init__(value_fields, {}, incomplete, cancels=True)
        # As `_sends`, with the length of the headers as the last part of the key.
        self._sends_with = Pieces[tuple[str, int, str, int, int], tuple[bytes, bytes]](lambda key: self._send(*key))

    def write(self, outcome: Done | MissingState, token_prefix: str | None) -> bytes:
        if isinstance(outcome, MissingState):
            return super().write(outcome, token_prefix)
        messages = self._mutations(outcome.changes)
        delayed: list[bytes] = []
        records: list[bytes] = []
        last: Headers | None = None  # a handler sends many messages with the same headers
        encoded = b""
        for effect in outcome.effects:
            if isinstance(effect, Cancel):
                self._cancel(effect.token, token_prefix, delayed)
                continue
            if effect.headers is not last:
                last = effect.headers
                encoded = b"" if last is None else _encoded(last)
            if isinstance(effect, Send):
                messages += self._message(effect, encoded)
            elif isinstance(effect, SendAfter):
                self._send_after(effect, token_prefix, delayed, encoded)
            else:
                records += self._record(effect, encoded)
        result = b"".join([*messages, *delayed, *records])
        return reply_head(len(result)) + result

    def _message(self, effect: Send, headers: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        (function_type, id), value = effect.target, effect.value
        encoded_id, data = id.encode(), value.value
        head, value_head = self._sends_with.find(
            (function_type, len(encoded_id), value.typename, len(data), len(headers))
        )
        return head, encoded_id, value_head, data, headers

    def _record(self, effect: Egress, headers: bytes) -> tuple[bytes, bytes, bytes]:
        value = effect.value
        if value.typename != _KAFKA_RECORD:
            headers = b""
        return (
            self._egresses.find((effect.egress, value.typename, len(value.value) + len(headers))),
            value.value,
            headers,
        )


def _encoded(headers: Headers) -> bytes:
    """*headers*, without those that are not Unicode text: they must not fail their message."""
    entries: list[bytes] = []
    for name, text in headers.items():
        with contextlib.suppress(UnicodeEncodeError):
            entry = field(b"\x0a", name.encode()) + field(b"\x12", text.encode()) + b"\x18\x01"  # has_value
            entries += b"\x22", varint(len(entry)), entry
    return b"".join(entries)
