"""A message from outside, and the answers to it: the values between senders and a backend."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.model import TypedValue


class Wait(Enum):
    """The event that the sender of a message waits for."""

    TAKEN = "taken"
    """The message is durable."""
    HANDLED = "handled"
    """The end of its handler."""
    REPLY = "reply"
    """A reply, from any sender, at any time."""


class IngressMessage(Struct, frozen=True, gc=False):
    """A message from outside.

    Args:
        delay_ms: the delay of its delivery.
        key: an idempotency key, scoped to *target*: of the messages with one key only the first is delivered.
        caller: the function that the message claims to come from; None = from outside. If *wait* is not
            :attr:`Wait.TAKEN`, messages to that function are the reply instead, until the call is cancelled.
        headers: stored with it; None = no headers.
        digest: identifies the message among others with the same key; None = its value does.
    """

    target: Address
    value: TypedValue
    delay_ms: int = 0
    wait: Wait = Wait.TAKEN
    key: str | None = None
    caller: Address | None = None
    headers: Mapping[str, str] | None = None
    digest: str | None = None


def message_digest(message: IngressMessage) -> str:
    """A hash of *message*, to distinguish it from other messages under the same key."""
    if message.digest is not None:
        return message.digest
    value = message.value
    found = hashlib.blake2b(value.typename.encode("utf-8", "surrogatepass"), digest_size=16)
    found.update(b"\0")
    found.update(value.value)
    return found.hexdigest()


# Answers.


class Taken(Struct, frozen=True, gc=False):
    """It is durable, and will be handled."""


class Handled(Struct, frozen=True, gc=False):
    """Its handler ended, without a reply."""


class Replied(Struct, frozen=True, gc=False):
    """A reply to it was sent."""

    value: TypedValue


class GivenUp(Struct, frozen=True, eq=False):
    """It was given up: dead-lettered, discarded, or refused by the store. A retry can't help.

    Args:
        reason: one line.
        error: the exception itself, where it is known: not for a repeat of an idempotency key. It does not count in
            comparisons.
    """

    reason: str
    error: BaseException | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GivenUp) and other.reason == self.reason

    def __hash__(self) -> int:
        return hash(self.reason)


class KeyReused(Struct, frozen=True, gc=False):
    """Another message was sent under its idempotency key. This one was not taken."""

    key: str


class NotTaken(Struct, frozen=True, gc=False):
    """It was not taken; a retry can help."""

    reason: str


class TooMany(Struct, frozen=True, gc=False):
    """It was not taken, since *waiting* messages are queued. A later retry can help."""

    waiting: int


class Interrupted(Struct, frozen=True, gc=False):
    """It is durable, but has no answer: the backend stops."""


class AnswerLost(Struct, frozen=True, gc=False):
    """It is durable, and will be handled; but its answer is lost. ``reason`` is one line.

    If it is not *certain*, it may be durable or not: a gateway that gets no acknowledgement can't tell.
    """

    reason: str
    certain: bool = True


class NotOpen(Struct, frozen=True, gc=False):
    """No ask is open under the token of a reply: it is answered, expired or unknown."""


class Unfit(Struct, frozen=True):
    """The ask does not take this reply, and stays open. *error* says why."""

    error: Exception


Answer: TypeAlias = (
    Taken | Handled | Replied | GivenUp | KeyReused | NotTaken | TooMany | Interrupted | AnswerLost | NotOpen | Unfit
)

OnAnswer: TypeAlias = Callable[[Answer], None]
"""Called with the answer, once."""

Cancel: TypeAlias = Callable[[], bool | asyncio.Future[bool]]
"""Stops waiting for an answer, and returns whether the message is durable. It is delivered all the same.

The result is a future if only another event loop knows that. It never ends if an answer is on its way already.
"""
