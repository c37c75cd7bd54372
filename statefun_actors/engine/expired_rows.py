"""``ExpiredRows``: finds rows whose states have all expired, at most every minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.entity_cache import EntityCache
from statefun_actors.engine.mailboxes import Mailboxes
from statefun_actors.engine.served_states import ServedStates
from statefun_actors.store import DamagedStateError, StoreReader, expires_ms, unpack

_ROWS: Final = 500
_EVERY_MS: Final = 60_000


class ExpiredRows:
    """Searches *store* for rows that can be deleted, unless a batch or the open epoch changes them."""

    def __init__(self, store: StoreReader, cache: EntityCache, mailboxes: Mailboxes, shape: ServedStates) -> None:
        self._store, self._cache, self._mailboxes, self._shape = store, cache, mailboxes, shape
        self.next_ms = 0 if shape.expiring else None
        """The time of the next search; None: nothing expires."""

    def sweep(self, now_ms: int) -> Iterator[tuple[Address, bool]]:
        """Rows that are due, a bounded number at a time: each with True if it has expired, False to write it again.

        The expiry time of a row was computed when it was written; the class may have changed since then.
        """
        if self.next_ms is None or self.next_ms - _EVERY_MS <= now_ms < self.next_ms:
            return
        expired, left = self._store.drop_expired(now_ms, _ROWS), 0
        for address, packed in zip(expired, self._store.load(expired), strict=True):
            record, mailbox = self._cache.peek(address), self._mailboxes.of(address)
            running = mailbox is not None and mailbox.running
            if running or (record is not None and record.epoch > self._cache.durable_epoch):
                left += 1
                continue
            specs = self._shape.specs.get(address[0])
            if specs:
                try:
                    expires = expires_ms(unpack(address, packed, ()), specs)
                except DamagedStateError:
                    left += 1
                    continue  # the batches of its address report that; the row is kept
                if expires is None or expires > now_ms:
                    yield address, False
                    continue
            self._cache.forget(address)
            yield address, True
        if len(expired) < _ROWS or left == len(expired):
            self.next_ms = now_ms + _EVERY_MS
