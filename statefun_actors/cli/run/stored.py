"""What is in the store of a run, for its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.partitions import is_between_partitions
from statefun_actors.store import ReadOnlyStore, Store


@attrs.frozen(kw_only=True)
class Stored:
    """The numbers of what is stored.

    Args:
        waiting: messages, those on the way to another partition included.
        kept: egress records; *kept_names* are their egresses.
        entities: by type.
    """

    waiting: int = 0
    timers: int = 0
    kept: int = 0
    kept_names: Sequence[str] = ()
    dead_letters: int = 0
    entities: Mapping[str, int] = {}

    @classmethod
    def of(cls, store: Store | ReadOnlyStore) -> Stored:
        """The numbers of *store*."""
        counts = dict(store.counts(OWN_FUNCTIONS))
        messages, timers, kept, dead_letters = (
            counts.pop(key) for key in ("messages", "timers", "egress", "dead_letters")
        )
        by_egress = store.egress_counts() if kept else {}
        crossing = sum(count for name, count in by_egress.items() if is_between_partitions(name))
        return cls(
            waiting=messages + crossing,
            timers=timers,
            kept=kept - crossing,
            kept_names=sorted(name for name in by_egress if not is_between_partitions(name)),
            dead_letters=dead_letters,
            entities=dict(sorted(counts.items())),
        )
