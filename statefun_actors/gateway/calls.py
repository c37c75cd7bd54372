"""The calls of one gateway that wait for an answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from statefun_actors.asking import (
    FAILED,
    HANDLED,
    KEY_REUSED,
    NOT_OPEN,
    TAKEN,
    AnswerRecord,
    GatewayCall,
)
from statefun_actors.ingress import Answer, GivenUp, Handled, KeyReused, NotOpen, OnAnswer, Replied, Taken, Wait
from statefun_actors.model import TypedValue


class WaitingCall:
    """A call that waits. *id*: the id of its caller in Flink. *taken*: whether Kafka has acknowledged its record."""

    def __init__(self, calls: WaitingCalls, number: str, wait: Wait, key: str | None, on_answer: OnAnswer) -> None:
        self._calls, self.number = calls, number
        self.id = calls.id_of(number)
        self.wait, self.key, self._on_answer = wait, key, on_answer
        self.taken = False
        self._late: asyncio.TimerHandle | None = None

    def end_after(self, seconds: float, answer: Callable[[], Answer]) -> None:
        """Let it end with *answer*, unless it ends sooner."""
        self._late = asyncio.get_running_loop().call_later(seconds, lambda: self.end(answer()))

    def end(self, answer: Answer) -> None:
        """Give it *answer*. The first one counts."""
        if self._calls.remove(self.number, answer):
            self._stop()
            self._on_answer(answer)

    def cancel(self) -> bool:
        """Stop waiting; return whether its message is in Kafka."""
        self._calls.remove(self.number, None)
        self._stop()
        return self.taken

    def answered(self, value: TypedValue) -> None:
        """*value* was sent to its caller."""
        typename = value.typename
        if typename == HANDLED:
            if self.wait is not Wait.REPLY:
                self.end(Handled())
        elif typename == FAILED:
            self.end(GivenUp(value.value.decode("utf-8", "backslashreplace")))
        elif typename == TAKEN:
            self.end(Taken())
        elif typename == KEY_REUSED:
            self.end(KeyReused(self.key or ""))
        elif typename == NOT_OPEN:
            self.end(NotOpen())
        else:
            self.end(Replied(value))

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()


class WaitingCalls:
    """The calls of a gateway whose answers are in *topic*."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.gateway = secrets.token_hex(8)
        """The key of the records with its answers."""
        self._waiting: dict[str, WaitingCall] = {}

    def open(self, wait: Wait, key: str | None, on_answer: OnAnswer) -> WaitingCall:
        """A new call."""
        number = secrets.token_hex(8)  # a caller learns its own, and must not know others
        call = self._waiting[number] = WaitingCall(self, number, wait, key, on_answer)
        return call

    def id_of(self, number: str) -> str:
        """The id of the caller of the call *number*."""
        return GatewayCall(self._topic, self.gateway, number).id

    def remove(self, number: str, answer: Answer | None) -> bool:  # noqa: ARG002 - observed calls report it
        """Remove a call, which ends with *answer*, or without one; return whether it was there."""
        return self._waiting.pop(number, None) is not None

    def answered(self, record: AnswerRecord) -> None:
        """*record* has arrived. An answer to a call that has ended is dropped."""
        if (call := self._waiting.get(record.number)) is not None:
            call.answered(TypedValue(*record.value))

    def waiting(self) -> list[WaitingCall]:
        """The calls that have not ended."""
        return list(self._waiting.values())
