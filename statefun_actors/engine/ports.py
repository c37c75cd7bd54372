"""The engine's ports: sources that are read, with the inbox they fill; sinks that are written.

Both keep their place by a *position*, JSON text of their own making, which is committed with the epoch that it belongs
to. After a crash, or a failed commit, ``resume`` gives them the last one that became durable.

A sink runs in a task of its own, at its own pace. It takes records that are durable from its
:class:`~statefun_actors.engine.egress_queue.EgressQueue`, and says there which of them are through; that is committed
with whichever epoch is open then. How often a record arrives is the sink's affair:

- exactly once by position: what stands after the position is undone by ``resume`` (a file is cut back);
- exactly once by a transaction that holds the records' last ``seq``: what is handed over again is skipped;
- exactly once for a receiver that drops repeats: a record's ``seq`` is the same each time, and no other record of the
  store has it;
- at least once by acknowledgement: a record is through once the other side has said so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from statefun_actors.address import Address
from statefun_actors.engine.epoch import Lost
from statefun_actors.model import TypedValue
from statefun_actors.store import Headers

if TYPE_CHECKING:
    from statefun_actors.engine.egress_queue import EgressQueue


class Inbox(Protocol):
    """Takes what a source reads, into the open epoch."""

    def submit(self, target: Address, value: TypedValue, *, delay_ms: int = 0, headers: Headers | None = None) -> None:
        """A message."""
        ...

    def emit(self, egress: str, value: TypedValue) -> None:
        """An egress record, about what can't be a message."""
        ...

    def when_durable(self, on_end: Callable[[Lost | None], object]) -> None:
        """Call *on_end* once what was read so far is durable, with None; or lost, with the reason."""
        ...

    def wake(self) -> None:
        """The source has news. From the thread of the event loop, at any time."""
        ...


class Source(Protocol):
    """An ingress that is pulled.

    An attribute ``kind`` is what instruments get as the source of its messages (``MessageTaken.source``), if it is
    there; else they get ``source``.
    """

    exhausted: bool
    """Whether there is nothing left to read."""

    def resume(self, position: str | None) -> None:
        """Go on after *position*; None = from the start."""
        ...

    def read(self, most: int, inbox: Inbox, /) -> str | None:
        """Submit at most *most* messages to *inbox*; the position after them, None if there was nothing."""
        ...


class Sink(Protocol):
    """Where the records of one egress go."""

    def resume(self, position: str | None) -> str | None:
        """Go on after *position*; None = nothing had been written through this store. :meth:`run` is not running.

        Returns a position to begin from, if *position* is none of its: it is durable before the first record is
        handed over.
        """
        ...

    async def run(self, queue: EgressQueue, /) -> None:
        """Write what *queue* gives, until cancelled; that may happen at any await, and ``resume`` may follow.

        Raises:
            Exception: it can't go on. After a pause, longer each time that nothing got through, it is run again, and
                what was not yet through is handed over again, in order.
        """
        ...
