"""The protocol of a control socket: a request is a JSON object on one line, and so is its answer.

Lines rather than HTTP: both ends are this package, and neither needs HTTP otherwise. It can be used by
hand: ``nc -U store.db.sock``, ``{"do": "discard", "seqs": [17]}``, ``{"is": "done"}``. Bytes are in base64.
"""

from __future__ import annotations

from typing import Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.admin.control.interface import DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.admin.control.socket_values import AddressValue, TargetValue, Value

LONGEST_LINE: Final = 64 * 1024 * 1024
"""In bytes. A message of 32 MiB, Flink's maximum, fits in base64."""


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


class SetField(msgspec.Struct, tag_field="do", tag="set-field", forbid_unknown_fields=True):
    """Request for :meth:`Control.set_field`."""

    address: AddressValue
    state: str
    value: Value | None
    before: Value | None

    @classmethod
    def of(cls, edit: FieldEdit) -> SetField:
        value, before = (None if each is None else Value.of(each) for each in (edit.value, edit.before))
        return cls(AddressValue(*edit.address), edit.state, value, before)

    def edit(self) -> FieldEdit:
        """Raises InvalidAddressError: it is not of an address."""
        value, before = (None if each is None else each.typed() for each in (self.value, self.before))
        return FieldEdit(self.address.address(), self.state, value, before)


class Failing(msgspec.Struct, tag_field="do", tag="failing", forbid_unknown_fields=True):
    """Request for :meth:`Control.failing`."""


class State(msgspec.Struct, tag_field="do", tag="state", forbid_unknown_fields=True):
    """Request for :meth:`Control.state`."""


class RetryFailing(msgspec.Struct, tag_field="do", tag="retry-failing", forbid_unknown_fields=True):
    """Request for :meth:`Control.retry_failing`."""

    addresses: list[AddressValue]


class DropFailing(msgspec.Struct, tag_field="do", tag="drop-failing", forbid_unknown_fields=True):
    """Request for :meth:`Control.drop_failing`."""

    addresses: list[AddressValue]
    discard: bool = False


class Pause(msgspec.Struct, tag_field="do", tag="pause", forbid_unknown_fields=True):
    """Request for :meth:`Control.pause`."""

    targets: list[TargetValue]


class Resume(msgspec.Struct, tag_field="do", tag="resume", forbid_unknown_fields=True):
    """Request for :meth:`Control.resume`."""

    targets: list[TargetValue]


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
    | State
    | RetryFailing
    | DropFailing
    | Pause
    | Resume
)
encode: Final = msgspec.json.Encoder().encode
decode_request: Final = msgspec.json.Decoder(Request).decode
