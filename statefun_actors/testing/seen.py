"""Effects as a test wants to see them: Python values instead of bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import attrs

from statefun_actors.model import Address, Cancel, Effect, Egress, Send, SendAfter
from statefun_actors.types import Codec, value_of


@attrs.frozen
class Sent:
    """A message that was sent."""

    target: Address
    message: object


@attrs.frozen
class Delayed:
    """A message that was sent with a delay."""

    target: Address
    message: object
    delay: timedelta
    cancellation_token: str | None = None


@attrs.frozen
class Seen:
    """The effects of a batch, by kind, each in order."""

    sent: list[Sent]
    delayed: list[Delayed]
    cancelled: list[str]
    egress: dict[str, list[object]]


def seen(effects: Iterable[Effect], known: Mapping[str, Codec]) -> Seen:
    """*effects* by kind. A delayed message that the same batch replaced or cancelled is not among them."""
    found = Seen([], [], [], {})
    for effect in effects:
        match effect:
            case Send(target, value):
                found.sent.append(Sent(target, value_of(value, known)))
            case SendAfter(target, value, delay, token):
                if token is not None:
                    _drop(found.delayed, token)
                found.delayed.append(Delayed(target, value_of(value, known), timedelta(milliseconds=delay), token))
            case Cancel(token):
                _drop(found.delayed, token)
                found.cancelled.append(token)
            case Egress(name, value):
                found.egress.setdefault(name, []).append(value_of(value, known))
    return found


def _drop(delayed: list[Delayed], token: str) -> None:
    delayed[:] = [item for item in delayed if item.cancellation_token != token]
