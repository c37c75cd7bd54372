"""Converts records to messages: the key is the id, the value the bytes, and the topic determines the typename."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from statefun_actors.address import Address
from statefun_actors.deploy import Topic
from statefun_actors.engine import Inbox
from statefun_actors.model import TypedValue
from statefun_actors.types import JSON_TYPENAME

if TYPE_CHECKING:
    from confluent_kafka import Message

BAD_RECORDS: Final = "statefun-actors/bad-records"
"""The egress of records that are not messages, such as those without a key: ``{"ingress", "topic", "partition",
"offset", "timestamp", "reason", "key", "value"}``, or ``key_base64`` and ``value_base64`` if the bytes are not UTF-8.
"""

_HeaderValue: TypeAlias = str | bytes | None


class Routes:
    """Converts the records of the ingress *id* to messages for the targets of their topics."""

    def __init__(self, id: str, topics: Sequence[Topic]) -> None:
        self._id = id
        self._routes: dict[str | None, list[tuple[str, str]]] = {}
        for topic in topics:
            lanes = self._routes.setdefault(topic.topic, [])
            lanes += [(target, topic.value_type) for target in topic.targets]
        self.fan_out = max(1, *map(len, self._routes.values()))
        """The maximum number of messages of one record."""

    @property
    def topics(self) -> list[str]:
        return [topic for topic in self._routes if topic is not None]

    def deliver(self, record: Message, inbox: Inbox) -> str | None:
        """Submit the messages of *record*; or send it to :data:`BAD_RECORDS`, and return why it is not a message."""
        try:
            id = _id(record.key())
            if (data := record.value()) is None:
                raise _NoMessage("it has no value")
        except _NoMessage as why:
            inbox.emit(BAD_RECORDS, TypedValue(JSON_TYPENAME, self._kept(record, str(why))))
            return str(why)
        headers = _headers(given) if (given := record.headers()) else None
        for target, typename in self._routes[record.topic()]:
            inbox.submit(Address(target, id), TypedValue(typename, data), headers=headers)
        return None

    def _kept(self, record: Message, reason: str) -> bytes:
        kept: dict[str, object] = {
            "ingress": self._id,
            "topic": record.topic(),
            "partition": record.partition(),
            "offset": record.offset(),
            "timestamp": record.timestamp()[1],
            "reason": reason,
        }
        for name, data in (("key", record.key()), ("value", record.value())):
            try:
                kept[name] = data if data is None else data.decode()
            except UnicodeDecodeError:
                assert data is not None
                kept[f"{name}_base64"] = base64.b64encode(data).decode()
        return msgspec.json.encode(kept)


class _NoMessage(Exception):
    """The reason why a record is not a message."""


def _headers(given: list[tuple[str, _HeaderValue]] | dict[str, _HeaderValue]) -> dict[str, str] | None:
    """The headers whose values are UTF-8; of a repeated name the last one. None without any."""
    headers: dict[str, str] = {}
    for name, data in given.items() if isinstance(given, dict) else given:
        with contextlib.suppress(UnicodeDecodeError):
            if isinstance(data, bytes):
                headers[name] = data.decode()
    return headers or None


def _id(key: bytes | None) -> str:
    if not key:
        raise _NoMessage("it has no key, which is the id of the message's target")
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise _NoMessage("its key, which is the id of the message's target, is not UTF-8") from None
