"""A bounded buffer between the thread that reads records and the engine that takes them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import Message

from statefun_actors.connectors.kafka.start import Offsets, TopicOffset


class Buffer:
    """A buffer of about *records* records and *bytes* bytes in all; one poll may exceed that."""

    def __init__(self, records: int, bytes: int) -> None:
        self._most, self._most_bytes = records, bytes
        self._changed = threading.Condition()
        self._records: deque[Message] = deque()
        self._size = 0
        self._put = self._taken = 0
        """The numbers of records ever put and taken."""
        self._begun: deque[tuple[int, TopicOffset]] = deque()
        """Starts of partitions, each with the number of records put before."""
        self._ended = False
        self._wanted: TopicOffset | None = None
        self._durable: Offsets = {}
        self.closed = False
        """Whether the thread should end."""

    # --- called by the engine

    def begin(self, place: TopicOffset) -> None:
        """Clear the buffer, and request the records after *place*."""
        with self._changed:
            self._wanted = place
            self._taken = self._put
            self._records.clear()
            self._begun.clear()
            self._size, self._ended = 0, False
            self._changed.notify_all()

    def take(self, most: int) -> tuple[list[Message], Sequence[TopicOffset]]:
        """Take at most *most* records, and the starts of partitions that precede them."""
        with self._changed:
            begun: list[TopicOffset] = []
            while self._begun and self._begun[0][0] <= self._taken:
                begun.append(self._begun.popleft()[1])
            if self._begun:
                most = min(most, self._begun[0][0] - self._taken)
            records = [self._records.popleft() for _ in range(min(most, len(self._records)))]
            self._taken += len(records)
            self._size -= sum(map(len, records))
            if records:
                self._changed.notify_all()
        return records, begun

    @property
    def ended(self) -> bool:
        """Whether all records have been read and taken."""
        with self._changed:
            return self._ended and not self._records and not self._begun

    @property
    def durable(self) -> Offsets:
        """The offsets up to which records are handled durably."""
        with self._changed:
            return self._durable

    @durable.setter
    def durable(self, offsets: Offsets) -> None:
        with self._changed:
            self._durable = offsets

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    # --- called by the thread

    def wanted(self) -> TopicOffset | None:
        """The position of a requested restart; None: continue. Later records must follow that position."""
        with self._changed:
            wanted, self._wanted = self._wanted, None
            return wanted

    def put(self, records: Sequence[Message], *, ended: bool = False) -> None:
        """Add records; they are dropped if a restart was requested meanwhile."""
        with self._changed:
            if self._wanted is None:
                self._records.extend(records)
                self._put += len(records)
                self._size += sum(map(len, records))
                self._ended = ended

    def put_begun(self, begun: TopicOffset) -> None:
        """Add starts of partitions; they are dropped if a restart was requested meanwhile."""
        with self._changed:
            if self._wanted is None:
                self._begun.append((self._put, begun))
                self._ended = False

    def wait_for_room(self, seconds: float) -> bool:
        """Wait at most *seconds* for room; return whether there is. Returns early on a restart or the end."""
        return self._wait(lambda: self._has_room, seconds) and self._has_room

    def rest(self, seconds: float) -> None:
        """Wait for *seconds*, or until a restart or the end."""
        self._wait(lambda: False, seconds)

    @property
    def _has_room(self) -> bool:
        return len(self._records) < self._most and self._size < self._most_bytes

    def _wait(self, what: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: what() or self.closed or self._wanted is not None, seconds)
