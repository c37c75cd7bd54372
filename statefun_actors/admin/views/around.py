"""What is pending around one entity: messages that wait for it, its timers, asks and recurring messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, TypeVar

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.admin.views.conversations import AskItem, ScheduleItem, ask_item, schedule_item
from statefun_actors.admin.views.json_values import message_inside, shown_form
from statefun_actors.admin.views.timers import TimerItem, is_own, timer_item, timers_from
from statefun_actors.asking import short_or_none
from statefun_actors.engine import open_asks, open_schedules
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec

_T = TypeVar("_T")

MOST_LISTED: Final = 50
"""Of each kind."""
MOST_READ: Final = 10_000
"""Timers, open asks and recurring messages that are read to find those of one entity: no index finds them."""


class WaitingItem(Struct, frozen=True):
    """A message that waits for its turn. *value*: its JSON form."""

    seq: int
    sender: str | None
    typename: str
    value: object


class Surroundings(Struct, frozen=True):
    """What is pending around one entity, at most ``MOST_LISTED`` of each kind.

    Args:
        waiting: messages in its mailbox, the first one first.
        timers: delayed messages to it, the next one first.
        asks: open asks that it made, or that it is to answer.
        schedules: recurring messages that it sends or gets.
        complete: whether all timers, open asks and recurring messages of the store were read.
        more_waiting: whether there are more waiting messages.
    """

    waiting: Sequence[WaitingItem]
    timers: Sequence[TimerItem]
    asks: Sequence[AskItem]
    schedules: Sequence[ScheduleItem]
    complete: bool
    more_waiting: bool


def view_surroundings(store: StoreReader, address: Address, known: Mapping[str, Codec] | None = None) -> Surroundings:
    """What is pending around the entity at *address*."""
    timers, asks, schedules = _Bounded(timers_from(store)), _Bounded(open_asks(store)), _Bounded(open_schedules(store))
    waiting = []
    messages = store.messages_to(address, 0, MOST_LISTED + 1)
    for message in messages[:MOST_LISTED]:
        inside = message_inside(message)
        argument = inside.argument
        waiting.append(
            WaitingItem(message.seq, short_or_none(inside.caller), argument.typename, shown_form(argument, known))
        )
    return Surroundings(
        waiting,
        _first(timer_item(timer, known) for timer in timers if timer.target == address and not is_own(timer)),
        _first(ask_item(store, ask, known) for ask in asks if address in {ask.asker, ask.target}),
        _first(schedule_item(each, known) for each in schedules if address in {each.sender, each.target}),
        not (timers.cut or asks.cut or schedules.cut),
        len(messages) > MOST_LISTED,
    )


class _Bounded(Iterator[_T]):
    """The first ``MOST_READ`` of *items*. *cut*: whether there may be more."""

    def __init__(self, items: Iterator[_T]) -> None:
        self._items, self._read, self.cut = items, 0, False

    def __next__(self) -> _T:
        if self._read == MOST_READ:
            self.cut = True
            raise StopIteration
        self._read += 1
        return next(self._items)


def _first(items: Iterator[_T]) -> list[_T]:
    return list(islice(items, MOST_LISTED))
