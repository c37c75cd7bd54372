"""What is said through a control door: one JSON object on a line asks, one on a line answers.

Lines rather than HTTP: both ends are this package, and the embedded room needs no HTTP for them. A person can still
talk to it: ``nc -U store.db.sock``, ``{"do": "discard", "seqs": [17]}``, ``{"is": "done"}``. Bytes are in base64.
"""

from __future__ import annotations

from typing import Final

import msgspec

from statefun_actors.embedded.control.control import LetterRetry, Posting
from statefun_actors.embedded.dead_letters import NoDeadLetterError
from statefun_actors.model import Address, TypedValue

LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes. A message of 32 MiB, the most that Flink would carry, fits in base64."""


class Value(msgspec.Struct, forbid_unknown_fields=True):
    """A typed value."""

    type: str
    base64: bytes

    @classmethod
    def of(cls, value: TypedValue) -> Value:
        return cls(value.typename, value.value)

    def typed(self) -> TypedValue:
        return TypedValue(self.type, self.base64)


class _Posting(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    id: str
    value: Value
    delay_ms: int = 0


class _Letter(msgspec.Struct, forbid_unknown_fields=True):
    seq: int
    value: Value | None = None


class Send(msgspec.Struct, tag_field="do", tag="send", forbid_unknown_fields=True):
    """Asks for :meth:`Control.send`."""

    messages: list[_Posting]

    @classmethod
    def of(cls, postings: list[Posting]) -> Send:
        return cls([_Posting(*posting.target, Value.of(posting.value), posting.delay_ms) for posting in postings])

    def postings(self) -> list[Posting]:
        """Raises InvalidAddressError for a target that is none."""
        return [Posting(Address(each.type, each.id), each.value.typed(), each.delay_ms) for each in self.messages]


class Retry(msgspec.Struct, tag_field="do", tag="retry", forbid_unknown_fields=True):
    """Asks for :meth:`Control.retry`."""

    letters: list[_Letter]

    @classmethod
    def of(cls, letters: list[LetterRetry]) -> Retry:
        return cls([_Letter(each.seq, None if each.value is None else Value.of(each.value)) for each in letters])

    def retries(self) -> list[LetterRetry]:
        return [LetterRetry(each.seq, None if each.value is None else each.value.typed()) for each in self.letters]


class Discard(msgspec.Struct, tag_field="do", tag="discard", forbid_unknown_fields=True):
    """Asks for :meth:`Control.discard`."""

    seqs: list[int]


class Done(msgspec.Struct, tag_field="is", tag="done"):
    """What was asked for is durable."""


class Missing(msgspec.Struct, tag_field="is", tag="no-dead-letter"):
    """NoDeadLetterError."""

    seq: int

    def error(self) -> NoDeadLetterError:
        return NoDeadLetterError(self.seq)


class Lost(msgspec.Struct, tag_field="is", tag="lost"):
    """EpochLostError: asking again may help."""

    reason: str


class NotStorable(msgspec.Struct, tag_field="is", tag="not-storable"):
    """NotStorableError: asking again does not help."""

    reason: str


class Refused(msgspec.Struct, tag_field="is", tag="refused"):
    """The line makes no sense; asking again does not help."""

    reason: str


Request = Send | Retry | Discard
Reply = Done | Missing | Lost | NotStorable | Refused

encode: Final = msgspec.json.Encoder().encode
decode_request: Final = msgspec.json.Decoder(Request).decode
decode_reply: Final = msgspec.json.Decoder(Reply).decode
