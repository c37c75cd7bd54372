"""Answers from outside to open asks.

Whether an ask is open is first read from the store, as of the last commit: a token that was guessed costs no more. If
it is, the answer goes to the reply function, whose own reply says whether it became the answer; of several at once one
does. With an idempotency key, a repeat gets the answer that the first one got, also when the ask is closed by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import ORDER, REPLY, Open, read_order
from statefun_actors.conversations import OpenAsk, open_ask, opened
from statefun_actors.engine.idempotency import stored_answer
from statefun_actors.errors import StateDecodeError
from statefun_actors.ingress import (
    Answer,
    Cancel,
    Handled,
    IngressMessage,
    NotOpen,
    NotTaken,
    OnAnswer,
    Replied,
    ReplyMessage,
    Taken,
    Unfit,
    Wait,
)
from statefun_actors.store import StoreError, StoreReader, unpack
from statefun_actors.types import pack

_YES: Final = pack(True)
_TAKEN: Final = Taken()
_NOT_OPEN: Final = NotOpen()
_MOST_WAITING: Final = 100

Take = Callable[[IngressMessage, OnAnswer], Cancel]


def take_reply(reply: ReplyMessage, on_answer: OnAnswer, store: StoreReader, now_ms: int, take: Take) -> Cancel:
    """Let *reply* in by *take*, if its ask is open. *on_answer* is called as for any message."""
    target = Address(REPLY, reply.token)
    try:
        ask = find_ask(store, target, now_ms)
        if ask is None:
            on_answer(_earlier(reply, target, store, now_ms))
            return _nothing
    except (StoreError, StateDecodeError) as error:
        on_answer(NotTaken(str(error)))
        return _nothing
    try:
        value = reply.encode(ask)
    except Exception as error:
        on_answer(Unfit(error))
        return _nothing
    message = IngressMessage(target, value, wait=Wait.HANDLED, key=reply.key, digest=reply.digest)
    return take(message, lambda answer: on_answer(_result(answer)))


def find_ask(store: StoreReader, target: Address, now_ms: int) -> OpenAsk | None:
    """The ask that is open at the reply address *target* as of the last commit, None if none is.

    Raises:
        StoreError, DamagedStateError: it can't be read.
    """
    (packed,) = store.load([target])
    ask = None if packed is None else open_ask(target.id, unpack(target, packed, ()).state)
    if ask is None:
        ask = _opening(store, target)
    return None if ask is None or ask.until_ms <= now_ms else ask


def _opening(store: StoreReader, target: Address) -> OpenAsk | None:
    """The ask that a message opens which waits to be handled. Its token may have been sent out already."""
    for message in store.messages_to(target, 0, _MOST_WAITING):
        if message.value.typename == ORDER:
            try:
                content = read_order(message.value.value)
            except ValueError:
                continue
            if isinstance(content, Open):
                return opened(target.id, content)
    return None


def _earlier(reply: ReplyMessage, target: Address, store: StoreReader, now_ms: int) -> Answer:
    """The answer that an earlier reply under the same key got; NotOpen without one."""
    if reply.key is None:
        return _NOT_OPEN
    message = IngressMessage(target, _YES, key=reply.key, digest=reply.digest)
    found = stored_answer(store, message, now_ms)
    return _NOT_OPEN if found is None else _result(found)


def _result(answer: Answer) -> Answer:
    match answer:
        case Replied(value):
            return _TAKEN if value == _YES else _NOT_OPEN
        case Taken() | Handled():  # pragma: no cover - the reply function answers those who wait
            return _NOT_OPEN
        case _:
            return answer


def _nothing() -> bool:
    """It has been answered already."""
    return False
