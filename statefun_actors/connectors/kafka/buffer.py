"""What the reading thread has read and the engine has not taken: bounded, and the place where the two meet."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import Message

from statefun_actors.connectors.kafka.start import Offsets, TopicOffset


class Buffer:
    """Holds about *records* records of about *bytes* bytes in all: one poll more, at the most."""

    def __init__(self, records: int, bytes: int) -> None:
        self._most, self._most_bytes = records, bytes
        self._changed = threading.Condition()
        self._records: deque[Message] = deque()
        self._size = 0
        self._put = self._taken = 0
        """How many records have ever been put and taken."""
        self._begun: deque[tuple[int, TopicOffset]] = deque()
        """Where partitions begin, each with how many records were put before."""
        self._ended = False
        self._wanted: TopicOffset | None = None
        self._durable: Offsets = {}
        self.closed = False
        """Whether the thread is to end."""

    # --- the engine's side

    def begin(self, place: TopicOffset) -> None:
        """Forget everything: what is wanted now is what comes after *place*."""
        with self._changed:
            self._wanted = place
            self._taken = self._put
            self._records.clear()
            self._begun.clear()
            self._size, self._ended = 0, False
            self._changed.notify_all()

    def take(self, most: int) -> tuple[list[Message], Sequence[TopicOffset]]:
        """At most *most* records, and where partitions begin: that is before these records, and after earlier ones."""
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
        """Whether nothing more will come, and all was taken."""
        with self._changed:
            return self._ended and not self._records and not self._begun

    @property
    def durable(self) -> Offsets:
        """How far the records have been handled for good."""
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

    # --- the thread's side

    def wanted(self) -> TopicOffset | None:
        """Where to begin anew; None = go on. Once told, what is put is taken to come from there."""
        with self._changed:
            wanted, self._wanted = self._wanted, None
            return wanted

    def put(self, records: Sequence[Message], *, ended: bool = False) -> None:
        """Add what was read; nothing comes of it if it is not wanted any more."""
        with self._changed:
            if self._wanted is None:
                self._records.extend(records)
                self._put += len(records)
                self._size += sum(map(len, records))
                self._ended = ended

    def put_begun(self, begun: TopicOffset) -> None:
        """Add where partitions begin; nothing comes of it if that is not wanted any more."""
        with self._changed:
            if self._wanted is None:
                self._begun.append((self._put, begun))
                self._ended = False

    def wait_for_room(self, seconds: float) -> bool:
        """Whether there is room now, or comes within *seconds*. Ends early if something else is to be done."""
        return self._wait(lambda: self._has_room, seconds) and self._has_room

    def rest(self, seconds: float) -> None:
        """Let *seconds* pass, unless something else is to be done."""
        self._wait(lambda: False, seconds)

    @property
    def _has_room(self) -> bool:
        return len(self._records) < self._most and self._size < self._most_bytes

    def _wait(self, what: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: what() or self.closed or self._wanted is not None, seconds)
