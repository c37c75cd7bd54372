"""Renames addresses in the states and messages of the library's own functions, for ``was=``."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.conversations import AddressRenaming
from statefun_actors.store import DamagedStateError, EntityRow, Message, Timer, pack, unpack


class OwnContents:
    """Renames function types by *renamed*. Unreadable values stay unchanged: they fail when they are handled."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._addresses = AddressRenaming(renamed)

    @property
    def typenames(self) -> Collection[str]:
        return OWN_FUNCTIONS

    def entity(self, row: EntityRow) -> EntityRow:
        try:
            record = unpack(row.address, row.packed, ())
            address = self._addresses.state(row.address, record.state)
        except (DamagedStateError, ValueError):
            return row
        return EntityRow(address, pack(record), row.expires_ms)

    def message(self, message: Message) -> Message:
        try:
            target, caller = self._ends(message)
            return replace(message, target=target, caller=caller, value=self._addresses.value(message.value))
        except ValueError:
            return message

    def timer(self, timer: Timer) -> Timer:
        try:
            target, caller = self._ends(timer)
            value = self._addresses.value(timer.value)
        except ValueError:
            return timer
        token = timer.token
        if token is not None and timer.caller is not None:
            token = self._addresses.token(timer.caller, token)
        return replace(timer, target=target, caller=caller, value=value, token=token)

    def _ends(self, message: Message | Timer) -> tuple[Address, Address | None]:
        caller, value = message.caller, message.value
        sender = None if caller is None else self._addresses.address(caller, caller, value)
        return self._addresses.address(message.target, caller, value), sender
