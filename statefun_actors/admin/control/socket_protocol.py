"""The protocol of a control socket: a request is a JSON object on one line, and so is its answer.

Lines rather than HTTP: both ends are this package, and neither needs HTTP otherwise. It can be used by
hand: ``nc -U store.db.sock``, ``{"do": "discard", "seqs": [17]}``, ``{"is": "done"}``. Bytes are in base64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.admin.control.interface import DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.dispatch import unwrapped
from statefun_actors.engine import FailingMessage, NoDeadLetterError
from statefun_actors.model import Invocation, TypedValue
from statefun_actors.store import Message

LONGEST_LINE: Final = 64 * 1024 * 1024
"""In bytes. A message of 32 MiB, Flink's maximum, fits in base64."""


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


class _Retry(msgspec.Struct, forbid_unknown_fields=True):
    seq: int
    value: Value | None = None


class SendRequest(msgspec.Struct, tag_field="do", tag="send", forbid_unknown_fields=True):
    """Request for :meth:`Control.send`."""

    messages: list[_Posting]

    @classmethod
    def of(cls, postings: list[Posting]) -> SendRequest:
        return cls([_Posting(*posting.target, Value.of(posting.value), posting.delay_ms) for posting in postings])

    def postings(self) -> list[Posting]:
        """Raises InvalidAddressError: a target is not an address."""
        return [Posting(Address(each.type, each.id), each.value.typed(), each.delay_ms) for each in self.messages]


class RetryRequest(msgspec.Struct, tag_field="do", tag="retry", forbid_unknown_fields=True):
    """Request for :meth:`Control.retry`."""

    letters: list[_Retry]

    @classmethod
    def of(cls, letters: list[DeadLetterRetry]) -> RetryRequest:
        return cls([_Retry(each.seq, None if each.value is None else Value.of(each.value)) for each in letters])

    def retries(self) -> list[DeadLetterRetry]:
        return [DeadLetterRetry(each.seq, None if each.value is None else each.value.typed()) for each in self.letters]


class DiscardRequest(msgspec.Struct, tag_field="do", tag="discard", forbid_unknown_fields=True):
    """Request for :meth:`Control.discard`."""

    seqs: list[int]


class FireTimers(msgspec.Struct, tag_field="do", tag="fire-timers", forbid_unknown_fields=True):
    """Request for :meth:`Control.fire_timers`."""

    timers: list[TimerKey]


class CancelTimers(msgspec.Struct, tag_field="do", tag="cancel-timers", forbid_unknown_fields=True):
    """Request for :meth:`Control.cancel_timers`."""

    timers: list[TimerKey]


class AnswerRequest(msgspec.Struct, tag_field="do", tag="answer", forbid_unknown_fields=True):
    """Request for :meth:`Control.answer`."""

    token: str
    value: Value


class CancelAskRequest(msgspec.Struct, tag_field="do", tag="cancel-ask", forbid_unknown_fields=True):
    """Request for :meth:`Control.cancel_ask`."""

    token: str


class _Address(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    id: str

    def address(self) -> Address:
        """Raises InvalidAddressError: it is not an address."""
        return Address(self.type, self.id)


def addresses_of(addresses: Sequence[Address]) -> list[_Address]:
    return [_Address(*address) for address in addresses]


class SetField(msgspec.Struct, tag_field="do", tag="set-field", forbid_unknown_fields=True):
    """Request for :meth:`Control.set_field`."""

    address: _Address
    state: str
    value: Value | None
    before: Value | None

    @classmethod
    def of(cls, edit: FieldEdit) -> SetField:
        value, before = (None if each is None else Value.of(each) for each in (edit.value, edit.before))
        return cls(_Address(*edit.address), edit.state, value, before)

    def edit(self) -> FieldEdit:
        """Raises InvalidAddressError: it is not of an address."""
        value, before = (None if each is None else each.typed() for each in (self.value, self.before))
        return FieldEdit(self.address.address(), self.state, value, before)


class Failing(msgspec.Struct, tag_field="do", tag="failing", forbid_unknown_fields=True):
    """Request for :meth:`Control.failing`."""


class RetryFailing(msgspec.Struct, tag_field="do", tag="retry-failing", forbid_unknown_fields=True):
    """Request for :meth:`Control.retry_failing`."""

    addresses: list[_Address]


class DropFailing(msgspec.Struct, tag_field="do", tag="drop-failing", forbid_unknown_fields=True):
    """Request for :meth:`Control.drop_failing`."""

    addresses: list[_Address]
    discard: bool = False


class _Failing(msgspec.Struct):
    seq: int
    type: str
    id: str
    caller: _Address | None
    value: Value
    attempts: int
    error_type: str
    error: str
    next_ms: int | None
    behind: int

    @classmethod
    def of(cls, failing: FailingMessage) -> _Failing:
        message = failing.message
        inside = unwrapped(Invocation(message.value, message.caller))
        value = Value.of(inside.argument)
        if len(value.base64) > _LONGEST_VALUE:
            value = Value(value.type, value.base64[:_LONGEST_VALUE])
        return cls(
            message.seq,
            *message.target,
            None if inside.caller is None else _Address(*inside.caller),
            value,
            failing.attempts,
            failing.error_type,
            failing.error,
            failing.next_ms,
            failing.behind,
        )

    def failing(self) -> FailingMessage:
        caller = None if self.caller is None else self.caller.address()
        message = Message(self.seq, Address(self.type, self.id), self.value.typed(), caller)
        return FailingMessage(message, self.attempts, self.error_type, self.error, self.next_ms, self.behind)


_LONGEST_VALUE: Final = 16_384
"""The maximum size of a failing message's value in an answer, in bytes."""
_MOST_FAILING: Final = 1_000


class FailingList(msgspec.Struct, tag_field="is", tag="failing"):
    """The first failing messages, by address."""

    messages: list[_Failing]

    @classmethod
    def of(cls, failing: Sequence[FailingMessage]) -> FailingList:
        return cls([_Failing.of(each) for each in failing[:_MOST_FAILING]])


class NotFailing(msgspec.Struct, tag_field="is", tag="not-failing"):
    """NotFailingError."""

    address: _Address
    reason: str


class DoneReply(msgspec.Struct, tag_field="is", tag="done"):
    """The change is durable."""


class Missing(msgspec.Struct, tag_field="is", tag="no-dead-letter"):
    """NoDeadLetterError."""

    seq: int

    def error(self) -> NoDeadLetterError:
        return NoDeadLetterError(self.seq)


class NoTimer(msgspec.Struct, tag_field="is", tag="no-timer"):
    """NoTimerError."""

    seq: int


class NotSet(msgspec.Struct, tag_field="is", tag="not-set"):
    """NotSetError."""

    address: _Address
    name: str
    reason: str


class AskNotOpen(msgspec.Struct, tag_field="is", tag="not-open"):
    """NotOpenError."""

    token: str


class Lost(msgspec.Struct, tag_field="is", tag="lost"):
    """EpochLostError: a retry may help."""

    reason: str


class NotStorable(msgspec.Struct, tag_field="is", tag="not-storable"):
    """NotStorableError: a retry does not help."""

    reason: str


class RefusedReply(msgspec.Struct, tag_field="is", tag="refused"):
    """The request is invalid; a retry does not help."""

    reason: str


Request = (
    SendRequest
    | RetryRequest
    | DiscardRequest
    | FireTimers
    | CancelTimers
    | SetField
    | AnswerRequest
    | CancelAskRequest
    | Failing
    | RetryFailing
    | DropFailing
)
Reply = (
    DoneReply | FailingList | Missing | NoTimer | NotFailing | NotSet | AskNotOpen | Lost | NotStorable | RefusedReply
)

encode: Final = msgspec.json.Encoder().encode
decode_request: Final = msgspec.json.Decoder(Request).decode
decode_reply: Final = msgspec.json.Decoder(Reply).decode
