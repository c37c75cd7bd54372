"""The replies of a control socket; the protocol is in ``socket_protocol.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.admin.control.engine_state import EngineState
from statefun_actors.admin.control.socket_values import AddressValue, TargetValue, Value
from statefun_actors.dispatch import unwrapped
from statefun_actors.engine import FailingEgress, FailingMessage, NoDeadLetterError
from statefun_actors.model import Invocation
from statefun_actors.store import Message


class _Failing(msgspec.Struct):
    seq: int
    type: str
    id: str
    caller: AddressValue | None
    value: Value
    attempts: int
    error_type: str
    error: str
    next_ms: int | None
    behind: int
    paused: bool = False
    since_ms: int | None = None

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
            None if inside.caller is None else AddressValue(*inside.caller),
            value,
            failing.attempts,
            failing.error_type,
            failing.error,
            failing.next_ms,
            failing.behind,
            failing.paused,
            failing.since_ms,
        )

    def failing(self) -> FailingMessage:
        caller = None if self.caller is None else self.caller.address()
        message = Message(self.seq, Address(self.type, self.id), self.value.typed(), caller)
        return FailingMessage(
            message,
            self.attempts,
            self.error_type,
            self.error,
            self.next_ms,
            self.behind,
            self.paused,
            self.since_ms,
        )


_LONGEST_VALUE: Final = 16_384
"""The maximum size of a failing message's value in an answer, in bytes."""
_MOST_FAILING: Final = 1_000


class FailingList(msgspec.Struct, tag_field="is", tag="failing"):
    """The first failing messages, by address."""

    messages: list[_Failing]

    @classmethod
    def of(cls, failing: Sequence[FailingMessage]) -> FailingList:
        return cls([_Failing.of(each) for each in failing[:_MOST_FAILING]])


class StateReply(msgspec.Struct, tag_field="is", tag="state"):
    """The state of the engine."""

    handled: int
    timers_fired: int
    waiting: int
    parked: dict[str, int]
    failing: list[_Failing]
    failing_egress: dict[str, FailingEgress]
    error: str | None
    version: int

    @classmethod
    def of(cls, state: EngineState) -> StateReply:
        return cls(
            state.handled,
            state.timers_fired,
            state.waiting,
            dict(state.parked),
            FailingList.of(state.failing).messages,
            dict(state.failing_egress),
            state.error,
            state.version,
        )

    def state(self) -> EngineState:
        return EngineState(
            handled=self.handled,
            timers_fired=self.timers_fired,
            waiting=self.waiting,
            parked=self.parked,
            failing=tuple(each.failing() for each in self.failing),
            failing_egress=self.failing_egress,
            error=self.error,
            version=self.version,
        )


class NotFailing(msgspec.Struct, tag_field="is", tag="not-failing"):
    """NotFailingError."""

    address: AddressValue
    reason: str


class NotPaused(msgspec.Struct, tag_field="is", tag="not-paused"):
    """NotPausedError."""

    target: TargetValue
    by_type: bool


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

    address: AddressValue
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


Reply = (
    DoneReply
    | FailingList
    | StateReply
    | Missing
    | NoTimer
    | NotFailing
    | NotPaused
    | NotSet
    | AskNotOpen
    | Lost
    | NotStorable
    | RefusedReply
)

encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Reply).decode
