"""Asks and recurring messages as Python values."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.conversations import OpenAsk, OpenSchedule
from statefun_actors.dispatch import Application
from statefun_actors.engine import AskAttempts, at_ms
from statefun_actors.model import TypedValue
from statefun_actors.types import value_of

_UNNAMED: Final = Address("statefun-actors/test", "unnamed")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class Ask:
    """An open ask: a question without an answer so far, or a reply address, whose *target* and *message* are None.

    Two are equal if *target*, *message*, *then*, *timeout* and *keep* are.

    Args:
        then: the name of the method that takes the answer.
        keep: the value that this method gets with the answer; None without one.
        asker: the entity that asks.
        address: its reply address; ``TestRuntime.answer`` takes it.
        since: the time of the ask; its timeout is *timeout* later.
        attempts: the attempts of the activity *target* that have begun; None if none is known, or *target* is no
            activity.
        error: why the last attempt that has ended failed; empty if none has.
        next_attempt: the time of the next attempt; None while one runs or waits for its turn.
    """

    target: Address | None
    message: object
    then: str
    timeout: timedelta = timedelta(seconds=60)
    keep: object = None
    asker: Address = attrs.field(default=_UNNAMED, eq=False)
    address: Address = attrs.field(default=_UNNAMED, eq=False, repr=False)
    since: datetime = attrs.field(default=_EPOCH, eq=False, repr=False)
    attempts: int | None = attrs.field(default=None, eq=False, repr=False)
    error: str = attrs.field(default="", eq=False, repr=False)
    next_attempt: datetime | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Schedule:
    """A recurring message.

    Two are equal if *schedule*, *tz*, *target*, *message* and *name* are.

    Args:
        schedule: a timedelta or a cron line, as it was written.
        sender: the entity that started it.
        next: the time of its next firing.
    """

    schedule: timedelta | str
    tz: str
    target: Address
    message: object
    name: str
    sender: Address = attrs.field(default=_UNNAMED, eq=False)
    next: datetime = attrs.field(default=_EPOCH, eq=False, repr=False)


def ask_seen(app: Application, ask: OpenAsk, attempts: AskAttempts | None = None) -> Ask:
    """*ask* with Python values. *attempts*: at it, as the store has them."""
    next_ms = None if attempts is None else attempts.next_ms
    return Ask(
        ask.target,
        None if ask.question is None else value_of(ask.question, app.codecs()),
        ask.then,
        timedelta(milliseconds=ask.until_ms - ask.since_ms),
        None if ask.keep is None else _kept(app, ask, ask.keep),
        ask.asker,
        Address(REPLY, ask.token),
        at_ms(ask.since_ms),
        None if attempts is None else attempts.begun,
        "" if attempts is None else attempts.error,
        None if next_ms is None else at_ms(next_ms),
    )


def schedule_seen(app: Application, schedule: OpenSchedule) -> Schedule:
    """*schedule* with Python values."""
    return Schedule(
        schedule.recurrence.written,
        schedule.recurrence.tz,
        schedule.target,
        value_of(schedule.message, app.codecs()),
        schedule.name,
        schedule.sender,
        at_ms(schedule.next_ms),
    )


def _kept(app: Application, ask: OpenAsk, stored: TypedValue) -> object:
    """The value of ``keep=``, decoded as its method does; if the method is gone, decoded by the value's type alone."""
    served = app.served_function(ask.asker.typename)
    answers = None if served is None else served.answers.get(ask.then)
    if answers is not None and answers.method.keep is not None:
        with contextlib.suppress(ValueError):
            return answers.method.read_keep(stored)
    return value_of(stored, app.codecs())
