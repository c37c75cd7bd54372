"""Replies from outside to open asks, over Kafka.

A gateway first asks the reply function which ask is open, since that determines the types that it takes; then it sends
the reply, whose answer says whether it was accepted: of several at once only one is. A repeat under an idempotency key
after the ask was closed gets the answer to the first one.
"""

from __future__ import annotations

import asyncio
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import OPEN_ASK, REPLY, Look, order, read_ask_found
from statefun_actors.conversations import OpenAsk
from statefun_actors.deploy import RequestTopic
from statefun_actors.gateway.calls import WaitingCall
from statefun_actors.gateway.exchange import Exchange, cancel_of, no_topic, not_routed
from statefun_actors.gateway.observed import observed_reply
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    Cancel,
    NotOpen,
    NotTaken,
    OnAnswer,
    Replied,
    ReplyMessage,
    Taken,
    Unfit,
    Wait,
)
from statefun_actors.model import TypedValue
from statefun_actors.types import pack

_YES: Final = pack(True)
_LOOK: Final = order(Look())


def take_reply(exchange: Exchange, reply: ReplyMessage, on_answer: OnAnswer) -> Cancel:
    """Send *reply* by *exchange*, if its ask is open."""
    on_answer = observed_reply(exchange.instruments, on_answer)
    to = exchange.routes.requests.get(REPLY)
    if to is None:
        on_answer(not_routed(exchange.routes, REPLY) or no_topic("replies", REPLY))
        return cancel_of(None)
    replying = _Replying(exchange, to, reply, on_answer)
    replying.look()
    return replying.cancel


class _Replying:
    """One reply: the call that asks about its ask, then the one that brings it."""

    def __init__(self, exchange: Exchange, to: RequestTopic, reply: ReplyMessage, on_answer: OnAnswer) -> None:
        self._exchange, self._to, self._reply, self._on_answer = exchange, to, reply, on_answer
        self._call: WaitingCall | None = None

    def cancel(self) -> bool | asyncio.Future[bool]:
        return cancel_of(self._call)()

    def look(self) -> None:
        """Ask which ask is open."""
        self._wait(self._exchange.ask(self._to, self._reply.token, _LOOK, None, Wait.HANDLED, self._looked))

    def _looked(self, answer: Answer) -> None:
        match answer:
            case Replied(value) if value.typename == OPEN_ASK:
                self._open(value)
            case NotOpen() if self._reply.key is not None:
                self._once(None)
            case AnswerLost(reason):  # only the question about the ask was sent
                self._on_answer(NotTaken(reason))
            case _:
                self._on_answer(answer)

    def _open(self, value: TypedValue) -> None:
        found, reply = read_ask_found(value.value), self._reply
        try:
            message = reply.encode(OpenAsk(reply.token, Address(*found.asker), found.then, None, 0, 0))
        except Exception as error:
            self._on_answer(Unfit(error))
            return
        if reply.key is not None:
            self._once(message)
            return
        self._wait(self._exchange.ask(self._to, reply.token, message, reply.headers, Wait.HANDLED, self._replied))

    def _once(self, message: TypedValue | None) -> None:
        """Send *message* under the key; without one, ask for the answer to an earlier one."""
        reply = self._reply
        assert reply.key is not None
        assert reply.digest is not None
        call = self._exchange.ask_once(
            reply.target, reply.key, reply.digest, message, reply.headers, Wait.HANDLED, self._replied
        )
        self._wait(call)

    def _replied(self, answer: Answer) -> None:
        if isinstance(answer, Replied):
            self._on_answer(Taken() if answer.value == _YES else NotOpen())
        else:
            self._on_answer(answer)

    def _wait(self, call: WaitingCall | None) -> None:
        self._call = call
        if call is not None:
            self._exchange.limit(call)
