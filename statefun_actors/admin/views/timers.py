"""Lists pending delayed messages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from msgspec import Struct

from statefun_actors.admin.views.json_values import message_inside, shown_form
from statefun_actors.asking import OWN_FUNCTIONS, short_address, short_or_none
from statefun_actors.engine import NoTimerError
from statefun_actors.store import CHUNK_BYTES, StoreReader, Timer
from statefun_actors.types import Codec

_CHUNK: Final = 500
FIRST: Final = (-(1 << 63), -1)
"""Before the time and the seq of every timer."""


class TimerItem(Struct, frozen=True):
    """A delayed message. *due_ms*: milliseconds since 1970; *value*: its JSON form; *token* cancels it."""

    seq: int
    due_ms: int
    target: str
    typename: str
    value: object
    sender: str | None
    token: str | None


def list_timers(
    store: StoreReader,
    known: Mapping[str, Codec] | None = None,
    to: str = "",
    after: tuple[int, int] = FIRST,
) -> Iterator[TimerItem]:
    """The delayed messages for addresses that begin with *to*, the next one first; none of the library's own.

    Only those after the time and the seq *after*.
    """
    for timer in timers_from(store, after):
        if not is_own(timer) and str(timer.target).startswith(to):
            yield timer_item(timer, known)


def find_timers(store: StoreReader, seqs: Collection[int]) -> list[Timer]:
    """The delayed messages of the numbers *seqs*, in that order. Reads all delayed messages until it has them.

    Raises:
        NoTimerError: one of them doesn't exist, or is one of the library's own; the error names the first.
    """
    left = set(seqs)
    found: dict[int, Timer] = {}
    timers = timers_from(store)
    while left and (timer := next(timers, None)) is not None:
        if timer.seq in left and not is_own(timer):
            left.remove(timer.seq)
            found[timer.seq] = timer
    for seq in seqs:
        if seq not in found:
            raise NoTimerError(seq)
    return [found[seq] for seq in seqs]


def timers_from(store: StoreReader, after: tuple[int, int] = FIRST) -> Iterator[Timer]:
    """All delayed messages after the time and the seq *after*, the next one first."""
    while found := store.timers_after(*after, _CHUNK, CHUNK_BYTES):
        yield from found
        after = (found[-1].due_ms, found[-1].seq)


def is_own(timer: Timer) -> bool:
    """Whether a function of the library has set *timer*."""
    return timer.caller is not None and timer.caller.typename in OWN_FUNCTIONS


def timer_item(timer: Timer, known: Mapping[str, Codec] | None = None) -> TimerItem:
    """The delayed message *timer*."""
    value = message_inside(timer).argument
    return TimerItem(
        timer.seq,
        timer.due_ms,
        short_address(timer.target),
        value.typename,
        shown_form(value, known),
        short_or_none(timer.caller),
        timer.token,
    )
