"""The mark of a store whose content was moved to a Flink job: one of its positions. No engine continues with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec

from statefun_actors.store.contract import Store
from statefun_actors.store.errors import StoreError

MOVED: Final = "moved"
"""The position that holds where the content was moved: the addresses of brokers, as JSON text."""


class StoreMovedError(StoreError):
    """The content of a store was moved to a Flink job, at least in part. No retry helps.

    Args:
        store: its path.
        to: the brokers through which the job got it.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, store: str, to: str) -> None:
        super().__init__(
            store,
            f"it was moved, at least in part, to the Flink job behind {to}, where its delayed and recurring messages "
            "go on",
            "Use that job. If you have discarded it, restore a backup, or start with --after-move (in Python: "
            "after_move=True).",
        )
        self.args = (store, to)
        self.to = to


def moved_position(to: str) -> dict[str, str]:
    """The positions of a commit after which the store is marked as moved through the brokers *to*."""
    return {MOVED: msgspec.json.encode(to).decode()}


def refuse_moved(store: Store, positions: Mapping[str, str]) -> None:
    """Raises StoreMovedError: *store*, whose positions are *positions*, was moved."""
    text = positions.get(MOVED)
    if text is None:
        return
    try:
        to = msgspec.json.decode(text, type=str)
    except msgspec.MsgspecError:  # what it says matters less than that it is there
        to = text
    raise StoreMovedError(str(store.path or "in memory"), to)
