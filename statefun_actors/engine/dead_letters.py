"""Retries and discards dead letters; a retry may have another value.

Each is settled once. A retry is a new message at the end of its target's mailbox, and the same commit deletes the dead
letter: after a crash there is one or the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from statefun_actors.engine.epoch import Epoch
from statefun_actors.errors import StatefunActorsError
from statefun_actors.store import DeadLetterEntry, StoreReader


class NoDeadLetterError(StatefunActorsError, LookupError):
    """No dead letter has this number: it was retried or discarded, or never existed. A retry cannot help."""

    def __init__(self, seq: int) -> None:
        super().__init__(seq)
        self.seq = seq

    def __str__(self) -> str:
        return (
            f"there is no dead letter {self.seq}: it has been retried or discarded, or never existed. "
            "`statefun-actors dead-letters list` lists the current ones."
        )


class DeadLetters:
    """The dead letters of one engine: the durable ones, without those that the open epochs settle."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._gone: set[int] = set()
        """The settled ones whose deletion is not durable yet, so the store may still have them."""

    def all(self) -> Iterator[DeadLetterEntry]:
        """Oldest first."""
        return (entry for entry in self._store.dead_letters() if entry.seq not in self._gone)

    def get(self, seq: int) -> DeadLetterEntry:
        """The dead letter *seq*.

        Raises:
            NoDeadLetterError: it does not exist.
        """
        entry = None if seq in self._gone else self._store.dead_letter(seq)
        if entry is None:
            raise NoDeadLetterError(seq)
        return entry

    def take(self, seq: int, epoch: Epoch) -> DeadLetterEntry:
        """Remove and return the dead letter *seq*; *epoch* deletes it. Raises NoDeadLetterError as :meth:`get` does."""
        entry = self.get(seq)
        epoch.dead_letters_done.append(seq)
        self._gone.add(seq)
        return entry

    def durable(self, epoch: Epoch) -> None:
        """*epoch* is durable."""
        self._gone.difference_update(epoch.dead_letters_done)
