"""The engine's ports: sources, the inbox that they fill, and sinks.

Sources and sinks have a *position*, JSON text in a format of their own, which is committed with its epoch. After a
crash or a failed commit, ``resume`` is called with the last durable one.

A sink runs in a task of its own, at its own pace. It takes durable records from its
:class:`~statefun_actors.engine.egress_queue.EgressQueue`, and marks the written ones there; the open epoch commits
that. The sink determines how often a record arrives:

- exactly once by position: ``resume`` undoes writes after the position (a file is truncated);
- exactly once by a transaction that contains the last ``seq`` of its records, and the lineage of the store, since a
  restored store gives a ``seq`` again: records that come again are skipped;
- exactly once for a receiver that drops repeats: a record has the same ``seq`` each time, and no other record of the
  store has it;
- at least once by acknowledgement: a record is written when the receiver has acknowledged it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from statefun_actors.address import Address
from statefun_actors.engine.epoch import Lost
from statefun_actors.model import Headers, TypedValue

if TYPE_CHECKING:
    from statefun_actors.engine.egress_queue import EgressQueue


class Inbox(Protocol):
    """Takes messages of a source into the open epoch."""

    def submit(
        self,
        target: Address,
        value: TypedValue,
        *,
        delay_ms: int = 0,
        headers: Headers | None = None,
        caller: Address | None = None,
    ) -> None:
        """A message, by default from outside. One of *caller* may be a reply to a call from outside."""
        ...

    def emit(self, egress: str, value: TypedValue, headers: Headers | None = None) -> None:
        """Take an egress record: about input that is not a message, or of another partition."""
        ...

    def when_durable(self, on_end: Callable[[Lost | None], object]) -> None:
        """Call *on_end* with None when all messages read so far are durable; with the reason if they are lost."""
        ...

    def wake(self) -> None:
        """Wake the engine: the source has news. Call it on the thread of the event loop, at any time."""
        ...


class Source(Protocol):
    """An ingress that the engine polls.

    If it has an attribute ``kind``, instruments get that as the source of its messages (``MessageTaken.source``); else
    they get ``source``.
    """

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left to read."""
        ...

    def resume(self, position: str | None) -> None:
        """Resume after *position*; None = from the start."""
        ...

    def read(self, most: int, inbox: Inbox, /) -> str | None:
        """Submit at most *most* messages to *inbox*; return the position after them, None without any."""
        ...


class Sink(Protocol):
    """Writes the records of one egress.

    If it has an attribute ``is_link`` that is true, it hands them over to another engine of the same system. If it has
    one ``needs_lineage`` that is true, it compares the lineage of the store, ``EgressQueue.lineage``, with what the
    receiver has noted: the present start is durable before ``run`` is called.
    """

    def resume(self, position: str | None) -> str | None:
        """Resume after *position*; None = this store has written nothing so far. :meth:`run` is not running.

        Returns a start position if *position* is not one of this sink; it is durable before the first record is handed
        over.
        """
        ...

    async def run(self, queue: EgressQueue, /) -> None:
        """Write the records of *queue* until cancelled. That may happen at any await, and ``resume`` may follow.

        Raises:
            Exception: it can't continue. It is run again after a pause, which increases while nothing is written, and
                gets the unwritten records again, in order.
        """
        ...
