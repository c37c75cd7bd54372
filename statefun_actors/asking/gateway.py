"""The messages between gateways and endpoints, over Kafka.

A gateway writes a :class:`Request` to the topic of the target's function type, with the target's id as its key. The
endpoint takes the message out of its envelope: its caller is the function ``statefun-actors/ingress``, at a
:class:`GatewayCall`'s id. What is sent there leaves Flink as an :class:`AnswerRecord`, a record of the egress ANSWERS.

Requests that need state or time go to that function itself, as orders: :class:`Keyed` at :func:`key_id`, where the
answers under an idempotency key are kept, and :class:`Later`.

All are msgpack, since only this library reads them.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking.decoding import reader
from statefun_actors.asking.envelopes import NOT_OPEN, OPEN_ASK, REQUEST, Open
from statefun_actors.model import INGRESS, TypedValue

ANSWERS: Final = "statefun-actors/answers"
"""The Kafka egress of the answers to gateways."""
KEY_KEPT_MS: Final = 24 * 60 * 60 * 1000
"""The time for which an idempotency key is kept, with its answer."""
LARGEST_ANSWER: Final = 900_000
"""Bytes of the largest answer. A broker takes records of a million bytes by default, and one that it
refuses would fail the Flink job again and again.
"""
ANSWERS_TOPIC: Final = ".answers"
"""The end of the name of each topic with answers."""
ANSWERS_TOPIC_FORM: Final = f"names of Kafka topics that end with {ANSWERS_TOPIC}"
_TOPIC: Final = rf"[A-Za-z0-9._-]{{1,240}}{re.escape(ANSWERS_TOPIC)}"
_CALL: Final = re.compile(rf"({_TOPIC}):([0-9a-f]{{16}}):([0-9a-f]{{1,32}})")
"""The id of a call. Other ids at ``statefun-actors/ingress`` must not lead to a topic: it could be any."""
_KEY: Final = "key:"
_DIGITS: Final = 40


class GatewayCall(Struct, frozen=True, gc=False):
    """A call of a gateway, as the id of the function ``statefun-actors/ingress``.

    Args:
        topic: the topic of the answers.
        gateway: the gateway, as the key of the answer's record.
        number: of the call.
    """

    topic: str
    gateway: str
    number: str

    @property
    def id(self) -> str:
        """It as an id; no part has a colon."""
        return f"{self.topic}:{self.gateway}:{self.number}"


def gateway_call(id: str) -> GatewayCall | None:
    """The call with this id; None if it is that of no gateway."""
    found = _CALL.fullmatch(id)
    return None if found is None else GatewayCall(*found.groups())


def is_answers_topic(name: object) -> bool:
    """Whether a topic of this *name* may be for answers to gateways."""
    return isinstance(name, str) and re.fullmatch(_TOPIC, name) is not None


def key_id(target: Address, key: str) -> str:
    """The id at ``statefun-actors/ingress`` of the idempotency key *key* of *target*."""
    parts = "".join(f"{len(part)}:{part}" for part in (*target, key))
    return _KEY + hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def is_key_id(id: str) -> bool:
    """Whether *id* is one of :func:`key_id`."""
    return id.startswith(_KEY)


class Request(Struct, frozen=True, array_like=True, gc=False):
    """To any function: the message *value*. *caller*: the id of its caller outside; empty if it has none."""

    value: tuple[str, bytes]
    caller: str = ""


class AnswerRecord(Struct, frozen=True, array_like=True, gc=False):
    """To a gateway: the answer to its call *number*, or a notice of a reserved type."""

    number: str
    value: tuple[str, bytes]


class AskFound(Struct, frozen=True, array_like=True, gc=False):
    """To a gateway: an open ask; *asker* waits for an answer that its method *then* takes."""

    asker: tuple[str, str]
    then: str


_encode: Final = msgspec.msgpack.Encoder().encode
_request: Final = reader(msgspec.msgpack.Decoder(Request).decode)
read_answer_record: Final = reader(msgspec.msgpack.Decoder(AnswerRecord).decode)
"""Decode the value of a record. Raises ValueError: the bytes are not an answer."""
read_ask_found: Final = reader(msgspec.msgpack.Decoder(AskFound).decode)
"""Decode the description of an open ask. Raises ValueError: the bytes are not that."""


def request(content: Request) -> TypedValue:
    """Encode *content* as a message."""
    return TypedValue(REQUEST, _encode(content))


def read_request(data: bytes) -> tuple[TypedValue, Address | None]:
    """The message in a request, and its caller. Raises ValueError: the bytes are not a request."""
    content = _request(data)
    caller = Address(INGRESS, content.caller) if content.caller else None
    return TypedValue(*content.value), caller


def answer_bytes(content: AnswerRecord) -> bytes:
    """Encode *content* as the value of a record."""
    return _encode(content)


def found_ask(ask: Open | None) -> TypedValue:
    """The message to a gateway about the open *ask*; None: there is none."""
    if ask is None:
        return TypedValue(NOT_OPEN, b"")
    return TypedValue(OPEN_ASK, _encode(AskFound(ask.asker, ask.then)))
