"""Converts records to messages: the key is the id, the value the bytes, and the topic determines the typename."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence
from operator import methodcaller
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from statefun_actors.address import Address
from statefun_actors.deploy import Topic
from statefun_actors.engine import Inbox
from statefun_actors.model import Headers, TypedValue, text_headers
from statefun_actors.types import JSON_TYPENAME

if TYPE_CHECKING:
    from confluent_kafka import Message

BAD_RECORDS: Final = "statefun-actors/bad-records"
"""The egress of records that are not messages, such as those without a key: ``{"ingress", "topic", "partition",
"offset", "timestamp", "reason", "key", "value"}``, or ``key_base64`` and ``value_base64`` if the bytes are not UTF-8.
"""

_HeaderValue: TypeAlias = str | bytes | None
_Headers: TypeAlias = list[tuple[str, _HeaderValue]] | dict[str, _HeaderValue]
_read_headers: Final = methodcaller("headers")
"""For a name that is not UTF-8, the client returns a broken list and sets an exception as well. In a plain call that
runs often, the interpreter does not look for that exception, and the list ends the process; here, it always looks.
"""


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
            messages, headers = self._messages(record), _headers(record)
        except _NoMessage as error:
            why = str(error)
        except Exception as error:
            # The client, which reads the parts of the record, may fail in unknown ways; the next records go on.
            why = f"it can't be read: {type(error).__name__}: {error}"
        else:
            for target, value in messages:
                inbox.submit(target, value, headers=headers)
            return None
        inbox.emit(BAD_RECORDS, TypedValue(JSON_TYPENAME, self._kept(record, why)))
        return why

    def _messages(self, record: Message) -> list[tuple[Address, TypedValue]]:
        id = _id(record.key())
        if (data := record.value()) is None:
            raise _NoMessage("it has no value")
        return [(Address(target, id), TypedValue(typename, data)) for target, typename in self._routes[record.topic()]]

    def _kept(self, record: Message, reason: str) -> bytes:
        kept: dict[str, object] = {
            "ingress": self._id,
            "topic": record.topic(),
            "partition": record.partition(),
            "offset": record.offset(),
            "timestamp": record.timestamp()[1],
            "reason": reason,
        }
        for name, part in (("key", record.key), ("value", record.value)):
            data = None
            with contextlib.suppress(Exception):  # a part that can't be read is left out
                data = part()
            try:
                kept[name] = data if data is None else data.decode()
            except UnicodeDecodeError:
                assert data is not None
                kept[f"{name}_base64"] = base64.b64encode(data).decode()
        return msgspec.json.encode(kept)


class _NoMessage(Exception):
    """The reason why a record is not a message."""


def _headers(record: Message) -> Headers | None:
    """The headers of *record*, by the rule of ``text_headers``; None without any.

    None also if one name is not UTF-8, since the client then reads none of them: they only carry traces.
    """
    try:
        given: _Headers | None = _read_headers(record)
    except Exception:
        return None
    return None if given is None else text_headers(given.items() if isinstance(given, dict) else given)


def _id(key: bytes | None) -> str:
    if not key:
        raise _NoMessage("it has no key, which is the id of the message's target")
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise _NoMessage("its key, which is the id of the message's target, is not UTF-8") from None
