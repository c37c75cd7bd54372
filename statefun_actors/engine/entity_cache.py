"""``EntityCache``: entities in memory, bounded in bytes; the least recently used are evicted first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from statefun_actors.address import Address
from statefun_actors.store import DamagedStateError, EntityRecord, Store, unpack


class EntityCache:
    """Records by address, within about *bound* bytes. Changes of an epoch that is not durable are never evicted."""

    def __init__(self, store: Store, names: Mapping[str, Iterable[str]], bound: int) -> None:
        self._store = store
        self._names = names
        self._bound = bound
        self._records: dict[Address, EntityRecord] = {}
        self.bytes = 0
        self.durable_epoch = 0

    def __len__(self) -> int:
        return len(self._records)

    def load(self, addresses: Iterable[Address]) -> None:
        """Load all of *addresses* by one read of the store, except those that :meth:`get` can't read."""
        records = self._records
        absent = [address for address in addresses if address not in records]
        if not absent:
            return
        for address, packed in zip(absent, self._store.load(absent), strict=True):
            with suppress(DamagedStateError):
                self._put(address, packed)

    def get(self, address: Address) -> EntityRecord:
        """Return the record of *address*, which becomes the most recently used.

        Raises:
            DamagedStateError: the stored bytes are not a record.
        """
        record = self._records.pop(address, None)
        if record is None:
            return self._put(address, *self._store.load([address]))
        self._records[address] = record
        return record

    def new(self, address: Address) -> EntityRecord:
        """The record of *address*, of which the store has nothing."""
        record = self._records.get(address)
        return self._put(address, None) if record is None else record

    def _put(self, address: Address, packed: bytes | None) -> EntityRecord:
        self._records[address] = record = unpack(address, packed, self._names.get(address[0], ()))
        self.bytes += record.size + len(address[1])
        return record

    def peek(self, address: Address) -> EntityRecord | None:
        return self._records.get(address)

    def forget(self, address: Address) -> None:
        record = self._records.pop(address, None)
        if record is not None:
            self.bytes -= record.size + len(address[1])

    def forget_emptied(self, addresses: Iterable[Address]) -> None:
        """Forget those of *addresses* that are unchanged since they lost their states, with an epoch that is durable.

        Nothing has to be read to make them anew, and most, such as asks that are over, never are.
        """
        for address in addresses:
            record = self._records.get(address)
            if record is not None and record.epoch <= self.durable_epoch and not record.running:
                del self._records[address]
                self.bytes -= record.size + len(address[1])

    def evict(self) -> None:
        """Evict records beyond the bound."""
        if self.bytes <= self._bound:
            return
        target = self._bound * 9 // 10
        for address, record in list(self._records.items()):
            if self.bytes <= target:
                return
            if record.epoch <= self.durable_epoch and not record.running:
                self.forget(address)

    def clear(self) -> None:
        self._records.clear()
        self.bytes = 0
