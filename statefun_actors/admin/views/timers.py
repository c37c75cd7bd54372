"""Lists pending delayed messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from statefun_actors.admin.views.forms import message_inside, shown_form
from statefun_actors.asking import OWN_FUNCTIONS, short_address, short_or_none
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec

_CHUNK = 500


class TimerItem(Struct, frozen=True):
    """A delayed message. *due_ms*: milliseconds since 1970; *value*: its JSON form; *token* cancels it."""

    seq: int
    due_ms: int
    target: str
    typename: str
    value: object
    sender: str | None
    token: str | None


def list_timers(store: StoreReader, known: Mapping[str, Codec] | None = None, to: str = "") -> Iterator[TimerItem]:
    """The delayed messages for addresses that begin with *to*, the next one first; none of the library's own."""
    after = (-(1 << 63), -1)
    while found := store.timers_after(*after, _CHUNK):
        for timer in found:
            if timer.caller is not None and timer.caller.typename in OWN_FUNCTIONS:
                continue
            if not str(timer.target).startswith(to):
                continue
            value = message_inside(timer).argument
            yield TimerItem(
                timer.seq,
                timer.due_ms,
                short_address(timer.target),
                value.typename,
                shown_form(value, known),
                short_or_none(timer.caller),
                timer.token,
            )
        after = (found[-1].due_ms, found[-1].seq)
