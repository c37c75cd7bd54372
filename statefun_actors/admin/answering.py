"""Answers and cancels open asks from outside, by token."""

from __future__ import annotations

from itertools import islice

from statefun_actors.address import Address
from statefun_actors.asking import ORDER, REPLY, SHOWN_OF_TOKEN, Close, order
from statefun_actors.calls import NotOpenError
from statefun_actors.conversations import OpenAsk, open_ask
from statefun_actors.engine import open_asks
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import TypedValue
from statefun_actors.store import Message, StoreReader, unpack

_MANY = 1_000


class AmbiguousTokenError(StatefunActorsError, LookupError):
    """Several tokens begin with the given prefix. Retry with a longer one.

    Args:
        prefix: the given prefix.
        count: the number of open asks with it, at most 1,000.
    """

    def __init__(self, prefix: str, count: int) -> None:
        super().__init__(prefix, count)
        self.prefix, self.count = prefix, count

    def __str__(self) -> str:
        if not self.prefix:
            return "expected the token of one open ask, got an empty one: statefun-actors asks lists the open asks"
        many = f"{self.count:,}" if self.count < _MANY else f"{_MANY:,} or more"
        return (
            f"expected the token of one open ask, got {self.prefix[:SHOWN_OF_TOKEN]!r}, the prefix of {many} "
            "tokens: give more characters"
        )


def find_ask(store: StoreReader, prefix: str) -> OpenAsk:
    """The open ask whose token is *prefix*, or begins with it.

    Raises:
        NotOpenError: no token matches.
        AmbiguousTokenError: several tokens match.
    """
    if not prefix:
        raise AmbiguousTokenError(prefix, _MANY)
    found = list(islice(open_asks(store, prefix), _MANY))
    if not found:
        raise NotOpenError(Address(REPLY, prefix))
    if len(found) > 1 and found[0].token != prefix:  # the shortest is the first
        raise AmbiguousTokenError(prefix, len(found))
    return found[0]


def cancellation(target: Address) -> tuple[TypedValue, Address]:
    """The message that cancels the ask at *target*, and its caller."""
    return order(Close("cancelled")), target


def check_open(store: StoreReader, target: Address, now_ms: int) -> None:
    """Check that the ask at *target* is open, in a store without an engine.

    Raises:
        NotOpenError: no ask is open at *target*, it is expired, or an answer to it is queued.
    """
    (packed,) = store.load([target])
    ask = None if packed is None else open_ask(target.id, unpack(target, packed, ()).state)
    waiting = store.messages_to(target, 0, _MANY)
    if ask is None or ask.until_ms <= now_ms or any(map(_ends, waiting)):
        raise NotOpenError(target)


def _ends(message: Message) -> bool:
    """Whether *message* ends the ask: an answer, or a cancellation."""
    return message.value.typename != ORDER or message.value == cancellation(message.target)[0]
