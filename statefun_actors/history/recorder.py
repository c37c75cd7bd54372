"""``Recorder``: packs the history of each epoch into a row of the store, and deletes the oldest rows.

A row for each entity would cost an index search and a page for each; a row for each epoch is one append. Epochs of a
few messages share a row, which is written again with each of them until it has a few kilobytes. So there are few rows,
and reading searches the keys of all.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.history.change_rows import change_rows
from statefun_actors.history.entries import Kind, gap_row, key_of, row_of
from statefun_actors.history.step import LARGEST_EPOCH, Step, packed_or_none, packed_step
from statefun_actors.history.wording import GAP_REASON
from statefun_actors.model import INGRESS, OWN_PREFIX, Send
from statefun_actors.own_logger import own_logger
from statefun_actors.store import HistoryRow, StoreReader

logger: Final = own_logger("statefun_actors.engine")

MOST_BYTES: Final = 128 * 1024 * 1024
"""Bytes of all rows together above which the oldest are deleted."""
SHARED: Final = 8 * 1024
"""Bytes of a row above which the next epoch begins another one."""
LARGEST_SHARE: Final = 0.15
"""The part of the time of a saturated engine that recording may take."""
_LONGEST_GAP_MS: Final = 60_000
_SMOOTHING: Final = 0.2


class Recorded(Struct):
    """What a commit writes and deletes of the history."""

    rows: list[HistoryRow]
    done: list[int]


class Recorder:
    """Records the history of one working set.

    Args:
        store: has the rows so far.
        keep: the number of messages that are kept of each entity.
        most_bytes: of all rows together.
        now_ms: the time.
    """

    def __init__(self, store: StoreReader, keep: int, now_ms: Callable[[], int], most_bytes: int = MOST_BYTES) -> None:
        self._keep, self._most_bytes, self._now_ms = keep, most_bytes, now_ms
        self._sizes = deque(store.history_sizes())
        self._bytes = sum(size for _, size in self._sizes)
        self._seq = self._sizes[-1][0] if self._sizes else 0
        self._shared: list[bytes] = []
        """The entries of the last row, while it is small enough to be written again."""
        self._keys: dict[str, None] = {}
        self._older: Sequence[Step] = ()
        """Steps of the epoch that have no place in its row: their changes get rows of their own before it."""
        self._began = time.perf_counter()
        self.share = 0.0
        """The part of the time that packing took, in the last epochs."""
        self._gap_from = self._gap_until = self._gap_count = self._gap_seq = 0
        self._gap_is_new = False
        """Whether the gap has grown since its row was written."""
        self._logged = False

    def seal(self, steps: Sequence[Step], removed: Iterable[Address], *, full: bool) -> Recorded | None:
        """The rows of an epoch with *steps*; None without any.

        Args:
            steps: what happened, in its order.
            removed: entities that have expired.
            full: whether the epoch was sealed because it was full: the engine has more work than it can do.
        """
        began = time.perf_counter()
        entries: list[bytes] = []
        keys: dict[str, None] = {}
        for address in removed:
            entries.append(packed_step(Step(address, self._now_ms(), Kind.ENDED)))
            keys[key_of(*address)] = None
        if full and self.share > LARGEST_SHARE:
            self._pack_changes(steps, {}, entries, keys)
        else:
            self._pack(steps, entries, keys)
        older = self._older_rows() if self._older else []
        found = self._rows(entries, keys, older) if entries or older or self._gap_is_new else None
        ended = time.perf_counter()
        if full:
            share = (ended - began) / max(ended - self._began, 1e-6)
            self.share += _SMOOTHING * (share - self.share)
        else:
            self.share = 0.0
        self._began = ended
        return found

    def _pack(
        self, steps: Sequence[Step], entries: list[bytes], keys: dict[str, None], *, changes_only: bool = False
    ) -> None:
        """Add *steps* to *entries*; of an entity with more than ``keep`` messages in them, only the last ones.

        If they are too large, only changes by operators are added from there on, up to the same limit. Those behind
        that limit are added to rows of their own, if they have no messages.
        """
        kept: list[bytes] = []
        counts: dict[Address, int] = {}
        size = 0
        for index in range(len(steps) - 1, -1, -1):
            step = steps[index]
            address = step.address
            count = counts.get(address, 0)
            if count >= self._keep:
                continue
            packed = packed_or_none(step)
            if packed is None:
                self._not_recorded((step,), counts)
                continue
            size += len(packed)
            if size > LARGEST_EPOCH:
                rest = steps[: index + 1]
                if changes_only:
                    self._not_recorded(rest, counts)
                    self._older = rest
                else:
                    self._pack_changes(rest, counts, entries, keys)
                break
            counts[address] = count + len(step.messages)
            kept.append(packed)
            keys[key_of(address[0], address[1])] = None
            for effect, _ in step.effects:
                # What is sent to the library's own functions is found by their keys, too.
                if type(effect) is Send and effect.target[0].startswith(OWN_PREFIX) and effect.target[0] != INGRESS:
                    keys[key_of(*effect.target)] = None
        kept.reverse()
        entries += kept

    def _pack_changes(
        self, steps: Sequence[Step], counts: dict[Address, int], entries: list[bytes], keys: dict[str, None]
    ) -> None:
        """Add the changes by operators among *steps* to *entries*, and note a gap for the messages."""
        changes = [step for step in steps if step.is_change]
        self._not_recorded([step for step in steps if not step.is_change] if changes else steps, counts)
        self._pack(changes, entries, keys, changes_only=True)

    def _not_recorded(self, steps: Sequence[Step], counts: dict[Address, int]) -> None:
        """Note a gap for the messages of *steps*; one that has just ended goes on.

        It has the messages of entities that would be kept if they were recorded: of each entity the last ones of the
        epoch, as many as are kept. Older ones of the epoch would not be shown in any case.

        Args:
            steps: some of an epoch, in their order.
            counts: of each entity, the number of its messages behind *steps*; those of *steps* are added.
        """
        missing = from_ms = until_ms = 0
        for step in reversed(steps):
            address, added = step.address, len(step.messages)
            count = counts.get(address, 0)
            if added and count < self._keep:
                counts[address] = count + added
                if not address[0].startswith(OWN_PREFIX):
                    from_ms, until_ms = step.at_ms, until_ms or step.at_ms
                    missing += min(added, self._keep - count)
        if not missing:
            return
        if self._gap_count and from_ms - self._gap_from > _LONGEST_GAP_MS:
            self._gap_count = self._gap_seq = 0
        if not self._gap_count:
            self._gap_from = self._gap_until = from_ms
        self._gap_from = min(self._gap_from, from_ms)
        self._gap_until = max(self._gap_until, until_ms)
        if not self._logged:
            self._logged = True
            logger.info("messages, of any entities, were not recorded in the history: %s", GAP_REASON)
        self._gap_count += missing
        self._gap_is_new = True

    def _older_rows(self) -> list[HistoryRow]:
        rows, self._older = change_rows(self._older, self._seq + 1), ()
        for row in rows:
            self._seq = row.seq
            self._sizes.append((row.seq, 0))
            self._count_bytes(-1, row)
        if rows:
            self._shared, self._keys = [], {}
        return rows

    def _rows(self, entries: list[bytes], keys: dict[str, None], older: list[HistoryRow]) -> Recorded:
        rows: list[HistoryRow] = []
        if entries:
            if not self._shared or sum(map(len, self._shared)) >= SHARED:
                self._shared, self._keys = [], {}
                self._seq += 1
                self._sizes.append((self._seq, 0))
            self._shared += entries
            self._keys |= keys
            rows.append(row_of(self._seq, self._keys, self._shared))
        if self._gap_is_new:
            self._gap_is_new = False
            rows.append(self._gap())
        return Recorded([*older, *rows], self._trimmed(rows))

    def _gap(self) -> HistoryRow:
        if not self._gap_seq:
            self._seq += 1
            self._gap_seq = self._seq
            self._sizes.append((self._seq, 0))
            self._shared, self._keys = [], {}
        return gap_row(self._gap_seq, self._gap_from, self._gap_until, self._gap_count)

    def _count_bytes(self, at: int, row: HistoryRow) -> None:
        size = len(row.keys) + len(row.packed)
        self._bytes += size - self._sizes[at][1]
        self._sizes[at] = (row.seq, size)

    def _trimmed(self, rows: Sequence[HistoryRow]) -> list[int]:
        """Count the bytes of *rows*; the seqs of the oldest rows, which are deleted."""
        for row in rows:
            for at in (-1, -2):
                if len(self._sizes) >= -at and self._sizes[at][0] == row.seq:
                    self._count_bytes(at, row)
        done: list[int] = []
        while self._bytes > self._most_bytes and len(self._sizes) > 2:
            seq, size = self._sizes.popleft()
            self._bytes -= size
            done.append(seq)
            if seq == self._gap_seq:
                self._gap_count = self._gap_seq = 0
        return done
