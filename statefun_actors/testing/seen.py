"""Effects as Python values instead of bytes, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import ORDER, OWN_FUNCTIONS, Cease, Open, Repeat, read_order, schedule_name
from statefun_actors.assembly.views import Ask, Schedule, ask_seen, schedule_seen
from statefun_actors.conversations import begun, opened
from statefun_actors.dispatch import Application
from statefun_actors.model import Cancel, Effect, Egress, Send, SendAfter, TypedValue
from statefun_actors.types import value_of


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

    sent: list[Sent] = attrs.Factory(list)
    delayed: list[Delayed] = attrs.Factory(list)
    cancelled: list[str] = attrs.Factory(list)
    egress: dict[str, list[object]] = attrs.Factory(dict)
    asks: list[Ask] = attrs.Factory(list)
    schedules: list[Schedule] = attrs.Factory(list)
    cancelled_schedules: list[str] = attrs.Factory(list)


def seen(effects: Iterable[Effect], app: Application) -> Seen:
    """*effects* by kind, without those that the same batch replaced or cancelled."""
    found, known = Seen(), app.codecs()
    for effect in effects:
        match effect:
            case Send(target, value) if value.typename == ORDER and target.typename in OWN_FUNCTIONS:
                _note_order(found, app, target, value)
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


def _note_order(found: Seen, app: Application, target: Address, value: TypedValue) -> None:
    """Adds the effect of an ``ask``, ``reply_address``, ``send_every`` or ``cancel_every``."""
    match read_order(value.value):
        case Open() as ask:
            found.asks.append(ask_seen(app, opened(target.id, ask)))
        case Repeat() as repeat:
            _drop_schedule(found.schedules, repeat.name)
            found.schedules.append(schedule_seen(app, begun(repeat)))
        case Cease():
            name = schedule_name(target.id)
            _drop_schedule(found.schedules, name)
            found.cancelled_schedules.append(name)
        case _:
            found.sent.append(Sent(target, value))


def _drop(delayed: list[Delayed], token: str) -> None:
    delayed[:] = [item for item in delayed if item.cancellation_token != token]


def _drop_schedule(schedules: list[Schedule], name: str) -> None:
    schedules[:] = [item for item in schedules if item.name != name]
