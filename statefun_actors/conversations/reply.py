"""The reply function: one instance for each open ask, at the token of the ask.

:mod:`~.replying` has what its messages mean. Here it takes them like any function, as Flink runs it; the embedded
engine applies a step where the message is sent, as far as it can.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from google.protobuf.any_pb2 import Any
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import Open, address_of
from statefun_actors.conversations.reply_states import ask_in, stored
from statefun_actors.conversations.replying import EXPIRE, reply_step
from statefun_actors.functions import Context
from statefun_actors.model import TypedValue

STATES: Final[Mapping[str, object]] = {"ask": bytes, "early": bytes}


class OpenAsk(Struct, frozen=True):
    """An open ask, for listings. Times in milliseconds since 1970; *target* is None for a reply address.

    *question* and *keep* are None if the ask has none. *activity*: whether the target is an activity, at a key that
    the asker did not choose. *caller*: that of the message whose handler asked.
    """

    token: str
    asker: Address
    then: str
    target: Address | None
    since_ms: int
    until_ms: int
    question: TypedValue | None = None
    keep: TypedValue | None = None
    activity: bool = False
    caller: Address | None = None


def reply(context: Context, message: Any) -> None:
    """Take *message*; see :func:`~.replying.reply_step`."""
    ask, early = stored(context["ask"]), stored(context["early"])
    value = TypedValue(message.type_url, message.value)
    step = reply_step(context.address, context.caller, value, ask, early)
    if step.ask is not ask:
        context["ask"] = None if step.ask is None else step.ask.value
    if step.early is not early:
        context["early"] = None if step.early is None else step.early.value
    for sent in step.sends:
        context.send(*sent.target, sent.value)
    token = context.address.id
    if step.cancels:
        context.cancel(token)
    if step.expires_ms:
        delay = timedelta(milliseconds=step.expires_ms)
        context.send_after(delay, *context.address, EXPIRE, cancellation_token=token)


def open_ask(token: str, state: Mapping[str, TypedValue | None]) -> OpenAsk | None:
    """The open ask in *state* of the reply function at *token*; None without one."""
    ask = state.get("ask")
    return None if ask is None else opened(token, ask_in(ask))


def opened(token: str, ask: Open) -> OpenAsk:
    """The ask that *ask* opens at *token*."""
    return OpenAsk(
        token,
        Address(*ask.asker),
        ask.then,
        address_of(ask.target),
        ask.since_ms,
        ask.since_ms + ask.timeout_ms,
        None if ask.question is None else TypedValue(*ask.question),
        None if ask.keep is None else TypedValue(*ask.keep),
        ask.activity,
        address_of(ask.caller),
    )
