"""Lists what is paused, with the messages that wait because of that."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import short_address
from statefun_actors.store import PauseTarget, StoreReader, read_pauses

_MOST_WAITING: Final = 1_000
"""Messages that wait for a paused entity are counted up to here, since each of them must be read for it."""
_CHUNK: Final = 100


class PausedItem(Struct, frozen=True):
    """A paused entity or function type.

    Args:
        target: the address or the function type, as commands take it.
        typename: the function type.
        id: of the entity; None: the function type is paused, with all its entities.
        since_ms: the time of the pause in milliseconds since 1970.
        waiting: the number of messages that wait, counted to 1,000 for an entity.
    """

    target: str
    typename: str
    id: str | None
    since_ms: int
    waiting: int

    @property
    def more(self) -> bool:
        """Whether more messages may wait than ``waiting``."""
        return self.id is not None and self.waiting >= _MOST_WAITING


def list_paused(store: StoreReader) -> list[PausedItem]:
    """What is paused in *store*, by address: a function type before its entities."""
    pauses = read_pauses(store.recover())
    return [_item(store, target, pauses[target]) for target in sorted(pauses, key=str)]


def _item(store: StoreReader, target: PauseTarget, since_ms: int) -> PausedItem:
    if isinstance(target, str):
        return PausedItem(target, target, None, since_ms, store.kept_for(target).messages)
    return PausedItem(short_address(target), target.typename, target.id, since_ms, _waiting(store, target))


def _waiting(store: StoreReader, address: Address) -> int:
    count = after = 0
    while count < _MOST_WAITING and (found := store.messages_to(address, after, _CHUNK)):
        count += len(found)
        after = found[-1].seq
    return count
