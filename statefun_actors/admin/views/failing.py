"""Lists messages without a failure policy that keep failing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from statefun_actors.admin.views.json_values import message_inside, shown_form
from statefun_actors.asking import short_address, short_or_none
from statefun_actors.engine import FailingMessage
from statefun_actors.types import Codec


class FailingItem(Struct, frozen=True):
    """A message that keeps failing.

    Args:
        value: its JSON form.
        next_ms: the time of its next attempt, in milliseconds since 1970; None = an attempt is running.
        behind: the number of messages that wait for the same address.
        paused: whether the entity is paused, so that there is no next attempt until it is resumed.
        since_ms: the time of its first failure since the engine started; None: an older version reports it.
    """

    target: str
    sender: str | None
    typename: str
    value: object
    attempts: int
    next_ms: int | None
    behind: int
    error_type: str
    error: str
    paused: bool = False
    since_ms: int | None = None


def list_failing(messages: Iterable[FailingMessage], known: Mapping[str, Codec] | None = None) -> Iterator[FailingItem]:
    """The failing *messages* that an engine reports, in the same order."""
    return (failing_item(failing, known) for failing in messages)


def failing_item(failing: FailingMessage, known: Mapping[str, Codec] | None = None) -> FailingItem:
    """The failing message *failing*."""
    message = message_inside(failing.message)
    return FailingItem(
        short_address(failing.message.target),
        short_or_none(message.caller),
        message.argument.typename,
        shown_form(message.argument, known),
        failing.attempts,
        failing.next_ms,
        failing.behind,
        failing.error_type,
        failing.error,
        failing.paused,
        failing.since_ms,
    )
