"""The attempts at an open ask, read from the store: those of the activity that is asked."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import ATTEMPT, REPLY, Attempt, address_of, attempt_token, read_attempt
from statefun_actors.conversations import OpenAsk
from statefun_actors.model import TypedValue
from statefun_actors.store import StoreReader

_LOOKED_AT: Final = 20
"""Messages at the key of an activity. It has more than one only if its asker chose the key."""


class AskAttempts(Struct, frozen=True):
    """The attempts of an activity at an open ask.

    Args:
        begun: the number of attempts that have begun.
        error: why the last one that has ended failed; empty if none has failed.
        next_ms: the time of the next attempt, in milliseconds since 1970; None while one runs or waits for its turn.
    """

    begun: int
    error: str
    next_ms: int | None


def attempts_at(store: StoreReader, ask: OpenAsk) -> AskAttempts | None:
    """The attempts at *ask*; None if it does not ask an activity."""
    if ask.target is None:
        return None
    reply_address = Address(REPLY, ask.token)
    timer = store.pending_timer(ask.target, attempt_token(ask.target, reply_address))
    if timer is not None and (content := _attempt(timer.value)) is not None:
        return AskAttempts(content.number - 1, content.error, timer.due_ms)
    for message in store.messages_to(ask.target, 0, _LOOKED_AT):
        content = _attempt(message.value)
        if content is None:
            if ask.activity and message.caller == reply_address:
                return AskAttempts(0, "", None)
        elif address_of(content.caller) == reply_address:
            return AskAttempts(content.number if content.process else content.number - 1, content.error, None)
    return None


def _attempt(value: TypedValue) -> Attempt | None:
    """The further attempt *value*; None if it is another message, or can't be read."""
    if value.typename != ATTEMPT:
        return None
    try:
        return read_attempt(value.value)
    except ValueError:  # `statefun-actors check` reports it
        return None
