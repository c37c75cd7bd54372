"""Dead letters that somebody deals with: tried again, with another value where that mends it, or thrown away.

Each is dealt with once. A retry is a new message at the end of its target's mailbox, and the dead letter is gone with
the same commit: a crash leaves the one or the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from statefun_actors.engine.epoch import Epoch
from statefun_actors.errors import StatefunActorsError
from statefun_actors.store import DeadLetterEntry, StoreReader


class NoDeadLetterError(StatefunActorsError, LookupError):
    """There is no dead letter of this number: it was dealt with, or never was. A retry cannot help."""

    def __init__(self, seq: int) -> None:
        super().__init__(seq)
        self.seq = seq

    def __str__(self) -> str:
        return (
            f"there is no dead letter {self.seq}: it has been retried or discarded, or never was. "
            "`statefun-actors dead-letters list` shows those that are there."
        )


class DeadLetters:
    """Those of one engine: the durable ones, without those that the open epochs have dealt with."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._gone: set[int] = set()
        """Dealt with, but the store may still have them: that isn't durable yet."""

    def all(self) -> Iterator[DeadLetterEntry]:
        """Oldest first."""
        return (entry for entry in self._store.dead_letters() if entry.seq not in self._gone)

    def get(self, seq: int) -> DeadLetterEntry:
        """The one of number *seq*.

        Raises:
            NoDeadLetterError: there is none.
        """
        entry = None if seq in self._gone else self._store.dead_letter(seq)
        if entry is None:
            raise NoDeadLetterError(seq)
        return entry

    def take(self, seq: int, epoch: Epoch) -> DeadLetterEntry:
        """The one of number *seq*, which is gone with *epoch*. Raises NoDeadLetterError as :meth:`get` does."""
        entry = self.get(seq)
        epoch.dead_letters_done.append(seq)
        self._gone.add(seq)
        return entry

    def durable(self, epoch: Epoch) -> None:
        """*epoch* is in the store now."""
        self._gone.difference_update(epoch.dead_letters_done)
