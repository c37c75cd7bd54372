"""Renames addresses inside open asks and recurring messages after a class has changed its function type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.asking import (
    ANSWER,
    ORDER,
    REPLY,
    SCHEDULE,
    Cease,
    Open,
    Order,
    Repeat,
    answer,
    order,
    read_answer,
    read_order,
    schedule_id,
    schedule_name,
)
from statefun_actors.conversations.schedule import KeptSchedule, read_schedule
from statefun_actors.model import TypedValue

_pack: Final = msgspec.msgpack.Encoder().encode


class AddressRenaming:
    """Replaces former function types in addresses by current ones.

    States must be renamed before messages, since the ids of schedules change with their states.
    """

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._renamed = renamed
        self._ids: dict[str, str] = {}

    def state(self, address: Address, state: dict[str, TypedValue | None]) -> Address:
        """Rename inside the *state* of the reply or schedule function at *address*, and return its new address.

        Raises:
            ValueError: the state can't be read.
        """
        if address.typename == REPLY and (stored := state.get("ask")) is not None:
            state["ask"] = replace(stored, value=order(self._order(read_order(stored.value))).value)
        elif address.typename == SCHEDULE and (stored := state.get("schedule")) is not None:
            kept = read_schedule(stored.value)
            content = self._order(kept.content)
            assert isinstance(content, Repeat)
            state["schedule"] = replace(stored, value=_pack(KeptSchedule(content, kept.slot_ms)))
            self._ids[address.id] = schedule_id(Address(*content.sender), content.name)
            return Address(SCHEDULE, self._ids[address.id])
        return address

    def address(self, address: Address, sender: Address | None, value: TypedValue) -> Address:
        """The address of a message to or from *address* with *value* by *sender*."""
        if address.typename != SCHEDULE:
            return address
        id = self._ids.get(address.id)
        if id is None and value.typename == ORDER and sender is not None and sender != address:
            content = read_order(value.value)
            if isinstance(content, Repeat | Cease):
                id = schedule_id(sender, schedule_name(address.id))
        return address if id is None else Address(SCHEDULE, id)

    def token(self, owner: Address, token: str) -> str:
        """The cancellation token of a delayed message of *owner*."""
        prefix = f"{owner.typename}:{owner.id}:"
        if owner.typename != SCHEDULE or not token.startswith(prefix):
            return token
        return f"{SCHEDULE}:{self._ids.get(owner.id, owner.id)}:{token.removeprefix(prefix)}"

    def value(self, value: TypedValue) -> TypedValue:
        """*value* with the addresses inside an order or an answer renamed. Raises ValueError: it can't be read."""
        if value.typename == ORDER:
            return order(self._order(read_order(value.value)))
        if value.typename == ANSWER:
            content = read_answer(value.value)
            return answer(replace(content, caller=self._parts(content.caller)))
        return value

    def _order(self, content: Order) -> Order:
        match content:
            case Open():
                return replace(
                    content,
                    asker=self._current(content.asker),
                    caller=self._parts(content.caller),
                    target=self._parts(content.target),
                )
            case Repeat():
                return replace(content, sender=self._current(content.sender), target=self._current(content.target))
            case _:
                return content

    def _parts(self, parts: tuple[str, str] | None) -> tuple[str, str] | None:
        return None if parts is None else self._current(parts)

    def _current(self, parts: tuple[str, str]) -> tuple[str, str]:
        return self._renamed.get(parts[0], parts[0]), parts[1]
