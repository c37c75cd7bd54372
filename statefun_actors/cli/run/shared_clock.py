"""``run --partitions --fire-timers``: the wall clock with a lead that all processes of the run share.

The lead is eight bytes of a file that each process has in its memory, so all of them see a jump at the same time.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Final

from statefun_actors.engine import SystemClock

_FILE: Final = "clock"
_SIZE: Final = 8


class SharedClock(SystemClock):
    """The clock of the run with the file *path*, which :func:`new_clock` has created.

    Raises:
        OSError: it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._lead = memoryview(self._map).cast("q")

    @property
    def ahead_ms(self) -> int:
        """Its lead over the wall clock."""
        return self._lead[0]

    def now_ms(self) -> int:
        return super().now_ms() + self._lead[0]

    def jump_to(self, due_ms: int) -> None:
        """Make it *due_ms* now, unless it is later. To be called by one process only."""
        self._lead[0] += max(0, due_ms - self.now_ms())

    def close(self) -> None:
        """Release the memory. The clock can't be read any more."""
        self._lead.release()
        self._map.close()


def clock_in(folder: Path) -> Path:
    """The file of the clock in the *folder* of the sockets of a run."""
    return folder / _FILE


def new_clock(folder: Path) -> SharedClock:
    """The clock of a new run with the sockets in *folder*, without a lead. Raises OSError: it can't be created."""
    path = clock_in(folder)
    path.unlink(missing_ok=True)  # a process of a run that was killed may have it
    path.write_bytes(bytes(_SIZE))
    return SharedClock(path)
