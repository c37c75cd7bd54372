"""Checks whether a store is sound, and whether an application can use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from statefun_actors.dispatch import Application
from statefun_actors.engine import EvolutionFindings, find_changes
from statefun_actors.store import ReadOnlyStore


class StoreCheck(Struct, frozen=True):
    """The findings of a check of a store.

    Args:
        damage: a line for each damage.
        changes: data that the application can't read or would lose; None without an application or with damage.
    """

    damage: Sequence[str]
    changes: EvolutionFindings | None

    def passes(self, *, strict: bool = False) -> bool:
        """Whether the store is sound and the application would start on it; with *strict*, without losing anything."""
        if self.damage:
            return False
        found = self.changes
        return found is None or not (found.stored_twice or found.unreadable or (strict and found.losses))


def check_store(
    store: ReadOnlyStore, app: Application | None, now_ms: int, progress: Callable[[str, int], None]
) -> StoreCheck:
    """Read all of *store*, and check it against the classes of *app*. Changes nothing.

    *progress* is called from time to time with the kind of data and the number read so far.

    Raises:
        StoreError: the store can't be read.
    """
    damage = store.check()
    if damage or app is None:
        return StoreCheck(damage, None)
    with store.snapshot():
        return StoreCheck(damage, find_changes(app, store, now_ms, progress))
