"""Lists open asks and recurring messages, which the library's own functions keep."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar

from msgspec import Struct

from statefun_actors.admin.views.json_values import shown_form
from statefun_actors.asking import SHOWN_OF_TOKEN, short_address, short_or_none
from statefun_actors.conversations import OpenAsk, OpenSchedule
from statefun_actors.engine import attempts_at, open_asks, open_schedules
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec
from statefun_actors.units import write_duration

_T = TypeVar("_T")


class AskItem(Struct, frozen=True):
    """An open ask. Times in milliseconds since 1970.

    Args:
        token: its first characters.
        asker: the entity that asked.
        target: the address that was asked; None, like *typename* and *value*, for a reply address.
        then: the method that takes the answer.
        value: the JSON form of the question.
        attempts: the attempts of the activity that is asked that have begun; None if none is known, or the target is
            no activity.
        error: why the last attempt that has ended failed; None if none has.
        next_ms: the time of the next attempt; None while one runs or waits for its turn.
    """

    token: str
    asker: str
    target: str | None
    then: str
    typename: str | None
    value: object
    since_ms: int
    until_ms: int
    attempts: int | None
    error: str | None
    next_ms: int | None


class ScheduleItem(Struct, frozen=True):
    """A recurring message.

    Args:
        schedule: the cron line, or the interval as ``every 30s``.
        value: the JSON form of the message.
        next_ms: the time of its next firing, in milliseconds since 1970.
    """

    sender: str
    name: str
    schedule: str
    tz: str
    target: str
    typename: str
    value: object
    next_ms: int


def list_asks(
    store: StoreReader,
    known: Mapping[str, Codec] | None = None,
    *,
    now_ms: int,
    to: str = "",
    limit: int | None = None,
) -> list[AskItem]:
    """The *limit* oldest asks whose asker or target begins with *to* and that are open at *now_ms*.

    An ask that is past its timeout takes no answer, though a store without an engine still has it.
    """

    def wanted(ask: OpenAsk) -> bool:
        if ask.until_ms <= now_ms:
            return False
        return str(ask.asker).startswith(to) or (ask.target is not None and str(ask.target).startswith(to))

    found = (ask for ask in open_asks(store) if wanted(ask))
    return [ask_item(store, ask, known) for ask in _first(found, limit, lambda ask: (ask.since_ms, ask.token))]


def list_schedules(
    store: StoreReader, known: Mapping[str, Codec] | None = None, *, to: str = "", limit: int | None = None
) -> list[ScheduleItem]:
    """The *limit* recurring messages with the next firings, whose sender or target begins with *to*."""
    found = (
        schedule
        for schedule in open_schedules(store)
        if str(schedule.sender).startswith(to) or str(schedule.target).startswith(to)
    )
    return [
        schedule_item(schedule, known)
        for schedule in _first(found, limit, lambda schedule: (schedule.next_ms, schedule.sender, schedule.name))
    ]


def _first(items: Iterable[_T], limit: int | None, key: Callable[[_T], tuple[object, ...]]) -> list[_T]:
    return sorted(items, key=key) if limit is None else heapq.nsmallest(limit, items, key=key)


def ask_item(store: StoreReader, ask: OpenAsk, known: Mapping[str, Codec] | None = None) -> AskItem:
    """The open ask *ask* of *store*."""
    question, attempts = ask.question, attempts_at(store, ask)
    return AskItem(
        ask.token[:SHOWN_OF_TOKEN],
        short_address(ask.asker),
        short_or_none(ask.target),
        ask.then,
        None if question is None else question.typename,
        None if question is None else shown_form(question, known),
        ask.since_ms,
        ask.until_ms,
        None if attempts is None else attempts.begun,
        (attempts.error or None) if attempts is not None else None,
        None if attempts is None else attempts.next_ms,
    )


def schedule_item(schedule: OpenSchedule, known: Mapping[str, Codec] | None = None) -> ScheduleItem:
    """The recurring message *schedule*."""
    recurrence = schedule.recurrence
    return ScheduleItem(
        str(schedule.sender),
        schedule.name,
        recurrence.cron or f"every {write_duration(timedelta(milliseconds=recurrence.every_ms))}",
        recurrence.tz,
        short_address(schedule.target),
        schedule.message.typename,
        shown_form(schedule.message, known),
        schedule.next_ms,
    )
