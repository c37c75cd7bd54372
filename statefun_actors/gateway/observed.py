"""Reports the calls, records and replies of a gateway to instruments."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import assert_never

from statefun_actors.connectors.kafka import ProducerError
from statefun_actors.dispatch import CallBegun, CallEnded, Instruments, RecordProduced, ReplyForwarded
from statefun_actors.gateway.calls import WaitingCall, WaitingCalls
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    Interrupted,
    KeyReused,
    NotOpen,
    NotTaken,
    OnAnswer,
    Replied,
    Taken,
    TooMany,
    Unfit,
    Wait,
)


class ObservedCalls(WaitingCalls):
    """Calls that are reported to *instruments* when they begin and when they end."""

    def __init__(self, topic: str, instruments: Instruments, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(topic)
        self._instruments, self._monotonic = instruments, monotonic
        self._begun: dict[str, float] = {}
        """The times of the beginnings, by number."""

    def open(self, wait: Wait, key: str | None, on_answer: OnAnswer) -> WaitingCall:
        call = super().open(wait, key, on_answer)
        self._begun[call.number] = self._monotonic()
        self._instruments.call_begun(CallBegun(len(self._begun)))
        return call

    def remove(self, number: str, answer: Answer | None) -> bool:
        found = super().remove(number, answer)
        if found:
            seconds = self._monotonic() - self._begun.pop(number)
            outcome = "none" if answer is None else _outcome(answer)
            self._instruments.call_ended(CallEnded(outcome, seconds, len(self._begun)))
        return found


def calls_of(topic: str, instruments: Instruments) -> WaitingCalls:
    """The calls of a gateway; observed if *instruments* listen to them."""
    if instruments.call_begun.heard or instruments.call_ended.heard:
        return ObservedCalls(topic, instruments)
    return WaitingCalls(topic)


def records_of(instruments: Instruments) -> Callable[[str, ProducerError | None], None] | None:
    """A function to call with the topic of each record and its error, if it has one; None if no instrument listens."""
    hook = instruments.record_produced
    if not hook.heard:
        return None
    return lambda topic, error: hook(RecordProduced(topic, "acknowledged" if error is None else error.fault.value))


def observed_reply(instruments: Instruments, on_answer: OnAnswer) -> OnAnswer:
    """*on_answer* of a reply, whose answer is reported to *instruments*, too."""
    hook = instruments.reply_forwarded
    if not hook.heard:
        return on_answer

    def answered(answer: Answer) -> None:
        hook(ReplyForwarded(_outcome(answer)))
        on_answer(answer)

    return answered


def _outcome(answer: Answer) -> str:
    match answer:
        case Taken():
            return "taken"
        case Handled():
            return "handled"
        case Replied():
            return "replied"
        case GivenUp():
            return "given up"
        case KeyReused():
            return "key reused"
        case NotTaken() | TooMany():
            return "not taken"
        case NotOpen():
            return "not open"
        case Unfit():
            return "unfit"
        case AnswerLost() | Interrupted():
            return "lost"
        case _:
            assert_never(answer)
