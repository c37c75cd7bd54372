"""What stands at the engine's edges: sources that are read, sinks that are written.

Both keep their place by a *position*, JSON text of their own making, which is committed with the epoch that it belongs
to. After a crash, or a failed commit, ``resume`` gives them the last one that became durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from statefun_actors.embedded.store import EgressRecord

if TYPE_CHECKING:
    from statefun_actors.embedded.engine import Engine


class Source(Protocol):
    """An ingress that is pulled."""

    exhausted: bool
    """Whether there is nothing left to read."""

    def resume(self, position: str | None) -> None:
        """Go on after *position*; None = from the start."""
        ...

    def read(self, most: int, engine: Engine) -> str | None:
        """Submit at most *most* messages to *engine*; the position after them, None if there was nothing."""
        ...


class Sink(Protocol):
    """Where the records of one egress go."""

    def resume(self, position: str | None) -> str | None:
        """Drop what was written after *position*; None = nothing had been written through this store.

        Returns a position to begin from, if *position* is none of its: it is committed before the first write.
        """
        ...

    def write(self, records: Sequence[EgressRecord]) -> str:
        """Write *records*, durably; the position after them.

        Raises:
            OSError: nothing counts as written; the same records are handed over again later.
        """
        ...
