"""Answers from outside to open asks.

The engine first reads from the store whether the ask is open, as of the last commit: so a guessed token costs little.
If it is open, the answer is sent to the reply function, whose reply says whether it was accepted; of several at once
only one is. With an idempotency key, a repeat gets the result of the first one, even if the ask is closed by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import ORDER, REPLY, Open, read_order
from statefun_actors.conversations import OpenAsk, open_ask, opened
from statefun_actors.engine.idempotency import stored_answer
from statefun_actors.errors import InvalidAddressError, StateDecodeError
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
_NOT_OPEN: Final = NotOpen()
_MOST_WAITING: Final = 100

Take = Callable[[IngressMessage, OnAnswer], Cancel]


def take_reply(reply: ReplyMessage, on_answer: OnAnswer, store: StoreReader, now_ms: int, take: Take) -> Cancel:
    """Pass *reply* to *take*, if its ask is open. *on_answer* is called as for any message."""
    try:
        target = Address(REPLY, reply.token)
    except InvalidAddressError:  # a text that is no id is the token of no ask
        on_answer(_NOT_OPEN)
        return _nothing
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
    message = IngressMessage(
        target, value, wait=Wait.HANDLED, key=reply.key, headers=reply.headers, digest=reply.digest
    )
    return take(message, lambda answer: on_answer(_result(answer)))


def find_ask(store: StoreReader, target: Address, now_ms: int) -> OpenAsk | None:
    """The open ask at the reply address *target*, as of the last commit; None without one.

    Raises:
        StoreError, DamagedStateError: it can't be read.
    """
    (packed,) = store.load([target])
    ask = None if packed is None else open_ask(target.id, unpack(target, packed, ()).state)
    if ask is None:
        ask = _opening(store, target)
    return None if ask is None or ask.until_ms <= now_ms else ask


def _opening(store: StoreReader, target: Address) -> OpenAsk | None:
    """The ask that a waiting message will open. Its token may have been sent out already."""
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
    """The result of an earlier reply under the same key; NotOpen without one."""
    if reply.key is None:
        return _NOT_OPEN
    message = IngressMessage(target, _YES, key=reply.key, digest=reply.digest)
    found = stored_answer(store, message, now_ms)
    return _NOT_OPEN if found is None else _result(found)


def _result(answer: Answer) -> Answer:
    match answer:
        case Replied(value):
            return Taken() if value == _YES else _NOT_OPEN
        case Taken() | Handled():  # pragma: no cover - the reply function answers all callers
            return _NOT_OPEN
        case _:
            return answer


def _nothing() -> bool:
    """It has been answered already."""
    return False
