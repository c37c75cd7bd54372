"""The entities that an ask, a recurring message, or an order for one of them concerns."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.asking import (
    ANSWER,
    ORDER,
    REPLY,
    SCHEDULE,
    Open,
    Repeat,
    Run,
    address_of,
    read_answer,
    read_order,
)
from statefun_actors.conversations import open_ask, open_schedule
from statefun_actors.model import State, TypedValue


def parties_of_state(address: Address, state: State) -> list[Address]:
    """Those of the open ask or the recurring message in *state* of *address*: the asker or sender, then the target.

    Raises:
        ValueError: it can't be read.
    """
    if address.typename == REPLY and (ask := open_ask(address.id, state)) is not None:
        return _known(ask.asker, ask.target, ask.caller)
    if address.typename == SCHEDULE and (schedule := open_schedule(state)) is not None:
        return _known(schedule.sender, schedule.target)
    return []


def parties_of_message(value: TypedValue) -> list[Address]:
    """Those that an order for an ask or a recurring message in *value* names, or the caller in an answer.

    Raises:
        ValueError: it can't be read.
    """
    if value.typename == ANSWER:
        return _known(address_of(read_answer(value.value).caller))
    if value.typename != ORDER:
        return []
    match read_order(value.value):
        case Repeat(sender=sender, target=target):
            return _known(address_of(sender), address_of(target))
        case Run(ask=Open() as ask) | (Open() as ask):
            return _known(address_of(ask.asker), address_of(ask.target), address_of(ask.caller))
        case _:
            return []


def _known(*addresses: Address | None) -> list[Address]:
    return [each for each in addresses if each is not None]
