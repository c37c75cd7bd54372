"""A message from outside, and what its sender is told. The vocabulary between those who ask and those who carry out."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.model import TypedValue


class Wait(Enum):
    """What the sender of a message waits for."""

    TAKEN = "taken"
    """That it can't be lost any more."""
    HANDLED = "handled"
    """The end of its handler."""
    REPLY = "reply"
    """A reply, from whomever and whenever."""


class IngressMessage(Struct, frozen=True, gc=False):
    """A message from outside.

    Args:
        delay_ms: it arrives so much later.
        key: an idempotency key, scoped to *target*: what comes a second time under one key happens once.
    """

    target: Address
    value: TypedValue
    delay_ms: int = 0
    wait: Wait = Wait.TAKEN
    key: str | None = None


# Answers: what becomes of a letter.


class Taken(Struct, frozen=True, gc=False):
    """It is durable, and will be handled."""


class Handled(Struct, frozen=True, gc=False):
    """Its handler ended, without a reply."""


class Replied(Struct, frozen=True, gc=False):
    """It was replied to."""

    value: TypedValue


class GivenUp(Struct, frozen=True, gc=False):
    """Its handler failed for good: it was dead-lettered or discarded. ``reason`` is one line."""

    reason: str


class KeyReused(Struct, frozen=True, gc=False):
    """Another message has been sent under its idempotency key. Nothing of this one happened."""

    key: str


class NotTaken(Struct, frozen=True, gc=False):
    """Nothing of it happened, and a retry can help."""

    reason: str


class TooMany(Struct, frozen=True, gc=False):
    """Nothing of it happened: so many messages are waiting already that it is for the sender to wait."""

    waiting: int


class Interrupted(Struct, frozen=True, gc=False):
    """It is durable, but nobody here will be able to tell what becomes of it: whoever handles it stops."""


class AnswerLost(Struct, frozen=True, gc=False):
    """It is durable, and is handled even so; but what comes of it can't be told. ``reason`` is one line."""

    reason: str


Answer: TypeAlias = Taken | Handled | Replied | GivenUp | KeyReused | NotTaken | TooMany | Interrupted | AnswerLost
