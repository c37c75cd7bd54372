"""``FaultSink``: a sink whose target refuses records for a while, and takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from statefun_actors.engine import EgressQueue
from statefun_actors.store import EgressRecord
from statefun_actors.testing.faults.hostility import Hostility

_LONGEST_TURNS: Final = 20
"""Turns of the event loop that a slow write takes at most: several commits can happen meanwhile."""


class FaultSink:
    """Writes the records of one egress to memory: exactly once by position, as a file does.

    Args:
        egress: its name.
        hostility: decides which writes are refused, and how long others take.
        note: adds a fault to the log.
    """

    def __init__(self, egress: str, hostility: Hostility, note: Callable[[str], None]) -> None:
        self.egress = egress
        self.written: list[EgressRecord] = []
        """The records that the target has, in its order."""
        self._hostility, self._note = hostility, note
        self._refused: EgressQueue | None = None
        """The queue of which records are refused at present."""
        self._again = asyncio.Event()

    def retry(self) -> None:
        """Try a refused write again; the engine waits for that."""
        if self._refused is not None:
            self._refused.working()
        self._again.set()

    def resume(self, position: str | None) -> str | None:
        """Remove what was written after *position*, the number of records whose write is committed."""
        del self.written[int(position or 0) :]
        return None

    async def run(self, queue: EgressQueue) -> None:
        """Write the records of *queue*, a few at a time."""
        while True:
            records = await queue.take(1 + self._hostility.pick_of_egress(3))
            await self._until_accepted(queue)
            self.written += records
            # A kill here finds records in the target whose write is not committed.
            for _ in range(self._hostility.pick_of_egress(_LONGEST_TURNS)):
                await asyncio.sleep(0)
            queue.done(records, str(len(self.written)))

    async def _until_accepted(self, queue: EgressQueue) -> None:
        refused = 0
        while self._hostility.egress_refuses():
            if not refused:
                self._note(f"egress {self.egress} refuses records")
            refused += 1
            queue.failing("the target refuses records, in this simulation")
            self._again.clear()
            self._refused = queue
            try:
                await self._again.wait()
            finally:
                self._refused = None
        if refused:
            self._note(f"egress {self.egress} accepts records again")

    def fault(self, sent: Sequence[int], waiting: Sequence[int], position: str | None) -> str | None:
        """The fault of the engine as text; None without one.

        Args:
            sent: the seqs of all records that were committed.
            waiting: those of the records in the store.
            position: the committed position.
        """
        written = [record.seq for record in self.written]
        committed = int(position or 0)
        uncommitted = written[committed:]
        if [*written[:committed], *waiting] == [*sent] and uncommitted == [*waiting[: len(uncommitted)]]:
            return None
        return (
            f"egress {self.egress}: expected the records {[*sent]}, each once and in order; got {written} written, of "
            f"which {committed} are committed, and {[*waiting]} in the store"
        )
