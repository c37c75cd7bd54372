"""``LineShare``: the lines of a file for the entities of one partition. Each partition reads the whole file.

A line belongs to the partition of its target, and one without a readable target to one that its bytes determine. The
position counts and checks only lines of the share. So a line that has stopped one partition can be corrected although
others have read on, and a line that has changed is found by the partition that has read it.

At a line whose target is not readable, or of a function type that is not served, all partitions stop (unless such lines
are skipped): its correction may have a target in any of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from statefun_actors.connectors.files.errors import InputChangedError
from statefun_actors.connectors.files.line_reader import LineOffset, LineReader
from statefun_actors.ingress import is_blank, targets_in
from statefun_actors.partitions import Partition, partition_of_target

_BATCH: Final = 1_000
"""Lines that are looked at before the event loop gets a turn."""
_MOST_KNOWN: Final = 100_000
"""Targets whose partition is remembered."""


class LineShare:
    """Reads the lines of the partition *own* in the file *path*, from *place* on. It has the methods of a LineReader.

    Args:
        served: the function types of which lines are read; any other line, and one without an id, is in the share of
            each partition. None:
            there are no such lines.

    Raises:
        InputChangedError: lines of the share have changed before *place*; or as by a LineReader.
        InputUnreadableError: as by a LineReader.
    """

    def __init__(
        self, path: Path, place: LineOffset | None, longest: int, own: Partition, served: Collection[str] | None
    ) -> None:
        self._own = own
        self._reader = LineReader(path, None, longest)
        self._served: Collection[str] | None = None  # the lines before *place* were read by one partition each
        self._known: dict[str | None, bool] = {}
        self._batch: Sequence[bytes] = ()
        self._first = 1
        """The number of the first line of the batch."""
        self._lines: list[bytes] = []
        """The lines of the share in it."""
        self._numbers: list[int] = []
        self._next = 0
        self.at_end = False
        """Whether the end of the file was reached."""
        self._place = LineOffset()
        try:
            if place is not None:
                self._go_to(place)
        except BaseException:
            self.close()
            raise
        self._served = served
        self._known.clear()
        self._choose(self._place.through + 1)

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self._reader.size

    @property
    def raw_offset(self) -> int:
        """The approximate number of bytes of the file, of :attr:`size`, that have been read."""
        return self._reader.raw_offset

    @property
    def place(self) -> LineOffset:
        """The position after the lines of the share that were skipped: their bytes, number and checksum."""
        return self._place

    @property
    def line(self) -> int:
        """The number of lines of the share that were skipped."""
        return self._place.line

    @property
    def next_number(self) -> int:
        """The number in the file of the next line of the share, which was peeked."""
        return self._numbers[self._next]

    def peek(self, most: int) -> Sequence[bytes]:
        """At most *most* of the next lines of the share, without their newlines; it may be none before the end."""
        if self._next >= len(self._lines):
            self._load()
        return self._lines[self._next : self._next + most]

    def advance(self, count: int) -> None:
        """Skip *count* of the lines that :meth:`peek` returned."""
        taken = self._lines[self._next : self._next + count]
        data = b"\n".join(taken)
        at = self._place
        self._place = LineOffset(
            at.offset + len(data) + 1,
            at.line + len(taken),
            zlib.crc32(b"\n", zlib.crc32(data, at.check)),
            through=self._numbers[self._next + len(taken) - 1],
        )
        self._next += count

    def close(self) -> None:
        self._reader.close()

    def _load(self) -> None:
        reader = self._reader
        lines = reader.peek(_BATCH)
        self.at_end = not lines
        self._batch, self._first = lines, reader.line + 1
        self._choose(self._first)
        if lines:
            reader.advance(len(lines))

    def _choose(self, begin: int) -> None:
        """The next lines are those of the share in the batch, from number *begin* on."""
        number, lines = self._first, self._batch
        if begin > number:
            lines, number = lines[begin - number :], begin
        own = list(map(self._known.get, targets := targets_in(lines)))
        if None in own:
            own = [
                self._is_own(line, target) if known is None else known
                for known, target, line in zip(own, targets, lines, strict=True)
            ]
        self._numbers = [at for at, is_own in enumerate(own, number) if is_own]
        self._lines = [line for line, is_own in zip(lines, own, strict=True) if is_own]
        self._next = 0

    def _is_own(self, line: bytes, target: str | None) -> bool:
        if target is None:
            if self._served is not None and not is_blank(line):
                return True
            return zlib.crc32(line) % self._own.count == self._own.own
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        known = partition_of_target(target, self._own.count, self._own.placed) == self._own.own or not self._is_served(
            target
        )
        self._known[target] = known
        return known

    def _is_served(self, target: str) -> bool:
        if self._served is None:
            return True
        namespace, _, rest = target.partition("/")
        name, _, id = rest.partition("/")
        return bool(id) and f"{namespace}/{name}" in self._served

    def _go_to(self, place: LineOffset) -> None:
        while self.line < place.line:
            lines = self.peek(place.line - self.line)
            if lines:
                self.advance(len(lines))
            elif self.at_end:
                found = f"it holds {self.line:,} lines for {self._own}, and {place.line:,} had been read"
                raise InputChangedError(str(self._reader.path), place.through, found)
        if (self._place.offset, self._place.check) != (place.offset, place.check):
            found = (
                f"what stands there for {self._own} is something else (a line that was corrected must keep its target; "
                "otherwise move it to the end)"
            )
            raise InputChangedError(str(self._reader.path), place.through, found)
