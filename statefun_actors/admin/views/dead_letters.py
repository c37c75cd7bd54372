"""Lists dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from statefun_actors.admin.views.json_values import message_inside, shown_form
from statefun_actors.asking import short_address, short_or_none
from statefun_actors.store import DeadLetterEntry, StoreReader
from statefun_actors.types import Codec


class DeadLetterItem(Struct, frozen=True):
    """A dead letter: a message that was given up, with the reason.

    Of an answer, *typename*, *value* and *sender* are those of the answer itself. *value* is in its JSON form,
    *time_ms* in milliseconds since 1970.
    """

    number: int
    time_ms: int
    target: str
    sender: str | None
    typename: str
    value: object
    error_type: str
    error: str
    attempts: int


def list_dead_letters(
    store: StoreReader, known: Mapping[str, Codec] | None = None, to: str = "", after: int = -1
) -> Iterator[DeadLetterItem]:
    """The dead letters for addresses that begin with *to*, the oldest first; those with numbers above *after*."""
    for entry in store.dead_letters(after):
        if str(entry.message.target).startswith(to):
            yield show_dead_letter(entry, known)


def show_dead_letter(entry: DeadLetterEntry, known: Mapping[str, Codec] | None = None) -> DeadLetterItem:
    """The dead letter *entry*."""
    message = message_inside(entry.message)
    return DeadLetterItem(
        entry.seq,
        entry.time_ms,
        short_address(entry.message.target),
        short_or_none(message.caller),
        message.argument.typename,
        shown_form(message.argument, known),
        entry.error_type,
        entry.error,
        entry.attempts,
    )
