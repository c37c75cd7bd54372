"""The thread that reads: a consumer's records, in order within a partition, into a bounded buffer.

It reads all partitions of its topics, as Flink's source does, and is no member of a consumer group: whose state is here
needs every record, and no rebalance takes any away. The group is where others can see how far it has come; what counts
is what the store knows. While the buffer is full nothing is fetched; if that takes longer, the partitions are paused,
and the client is still served.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import attrs
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from statefun_actors.deploy import KafkaIngress
from statefun_actors.kafka.properties import client, error_text
from statefun_actors.kafka.start import NoTopicError, Offsets, Partition, edge, partitions_of, starts

logger: Final = logging.getLogger("statefun_actors.kafka")

_BATCH: Final = 500
_POLL: Final = 0.25
"""Seconds that a poll waits for a record."""
_UNPAUSED: Final = 1.0
"""Seconds that the buffer may be full before the partitions are paused."""
_AGAIN: Final = 1.0
"""Seconds until what has failed is tried again."""
_NOTE_EVERY: Final = 1.0
"""Seconds between two notes in the group of how far it has come."""
_LAST_NOTE: Final = 3.0


class _Local:
    """Errors of the client's own, which its Python names as if they were private."""

    PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001
    AUTO_OFFSET_RESET: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
    TRANSPORT: Final = KafkaError._TRANSPORT  # noqa: SLF001


_SAVING: Final = {
    "queued.max.messages.kbytes": 16 * 1024,
    "queued.min.messages": 10_000,
    "fetch.error.backoff.ms": 100,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
}
"""What module.yaml may say otherwise: memory in bounds, and quickly back after an outage."""


@attrs.frozen(kw_only=True)
class ReaderOptions:
    """``records`` and ``bytes`` bound the buffer. ``look_every``: seconds between two looks for new partitions."""

    until_end: bool = False
    """Whether it is done once it has been at the end of every partition."""
    records: int = 2_000
    bytes: int = 16 * 1024 * 1024
    look_every: float = 60.0


class Reader:
    """Reads the topics of *ingress*, from :meth:`begin` on. *wake* is called, in the thread, when there is news.

    Raises:
        BadPropertyError: the properties of *ingress* make no consumer.
    """

    def __init__(
        self, ingress: KafkaIngress, topics: list[str], wake: Callable[[], None], options: ReaderOptions
    ) -> None:
        self.name = f"Kafka ingress {ingress.id}"
        self._ingress, self._topics, self._wake, self._options = ingress, topics, wake, options
        own = {
            "bootstrap.servers": ingress.address,
            "group.id": ingress.group or f"statefun-actors-{ingress.id}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "error_cb": self._on_error,
            "on_commit": self._on_commit,
            "log_level": 0,  # what it would print comes as an error, too
        }
        written = {**{name: str(value) for name, value in _SAVING.items()}, **ingress.properties}
        self._consumer = client(self.name, Consumer, own, written)
        self._changed = threading.Condition()
        # What both threads touch, under the lock of _changed:
        self._records: deque[Message] = deque()
        self._size = 0
        self._begun_at: dict[Partition, int] = {}
        self._ask: Offsets | None = None
        self._durable: Offsets = {}
        self._ended = False
        self._closed = False
        self._bug: BaseException | None = None
        # The thread's own:
        self._known: Offsets = {}
        self._next: dict[Partition, int] = {}
        self._at_end: set[Partition] = set()
        self._begun = self._paused = False
        self._noted: Offsets = {}
        self._next_note = self._next_look = 0.0
        self._complaints: set[str] = set()
        self._answered = False
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    # --- the engine's side

    def begin(self, known: Offsets) -> None:
        """Read on from *known*, forgetting what has been read."""
        with self._changed:
            self._ask = dict(known)
            self._records.clear()
            self._begun_at.clear()
            self._size, self._ended = 0, False
            self._changed.notify_all()
        if not self._thread.is_alive():
            self._thread.start()

    def take(self, most: int) -> tuple[list[Message], Mapping[Partition, int]]:
        """At most *most* records, and the partitions that have come (back) to it, each with where it is read from."""
        with self._changed:
            if self._bug is not None:
                raise self._bug
            records = [self._records.popleft() for _ in range(min(most, len(self._records)))]
            self._size -= sum(map(len, records))
            begun_at, self._begun_at = self._begun_at, {}
            if records:
                self._changed.notify_all()
        return records, begun_at

    @property
    def ended(self) -> bool:
        """Whether it has been at the end of every partition, and all that it has read there was taken."""
        with self._changed:
            return self._ended and not self._records and not self._begun_at

    def durable(self, offsets: Offsets) -> None:
        """How far the records have been handled, for good."""
        with self._changed:
            self._durable = offsets

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        else:
            self._consumer.close()

    # --- the thread

    def _run(self) -> None:
        try:
            while not self._closed:
                try:
                    self._turn()
                except NoTopicError as error:
                    self._complain(f"{error}; waiting for it")
                    self._wait(_AGAIN)
                except KafkaException as error:
                    self._complain(f"{error_text(error)}; trying on")
                    self._wait(_AGAIN)
            self._note_last()
        except BaseException as bug:
            with self._changed:
                self._bug = bug
            self._wake()
        finally:
            self._consumer.close()

    def _turn(self) -> None:
        with self._changed:
            if self._ask is not None:
                self._known, self._ask, self._begun = self._ask, None, False
        if not self._begun:
            self._begin()
        elif time.monotonic() >= self._next_look:
            self._look()
        if self._has_room():
            self._keep(self._polled(_POLL))
        else:
            self._wait_for_room()
        self._note()

    def _begin(self) -> None:
        partitions = [partition for topic in self._topics for partition in partitions_of(self._consumer, topic)]
        self._next = starts(self._consumer, self._ingress, partitions, self._known)
        self._begun = True
        self._next_look = time.monotonic() + self._options.look_every
        self._assign(self._next)

    def _look(self) -> None:
        """See whether partitions have been added."""
        self._next_look = time.monotonic() + self._options.look_every
        partitions = [partition for topic in self._topics for partition in partitions_of(self._consumer, topic)]
        new = [partition for partition in partitions if partition not in self._next]
        if new:
            begun = starts(self._consumer, self._ingress, new, self._next)
            self._next.update(begun)
            self._assign(begun)

    def _assign(self, begun: Offsets) -> None:
        """Read what ``_next`` says, *begun* being what is new in it."""
        self._consumer.assign([TopicPartition(*partition, offset) for partition, offset in self._next.items()])
        self._paused = False
        self._at_end.clear()
        with self._changed:
            if self._ask is None:
                self._begun_at.update(begun)
        self._wake()

    def _polled(self, seconds: float) -> list[Message]:
        first = self._consumer.poll(seconds)
        return [] if first is None else [first, *self._consumer.consume(_BATCH, timeout=0)]

    def _keep(self, polled: list[Message]) -> None:
        records = []
        for record in polled:
            if (error := record.error()) is None:
                records.append(record)
                partition = _partition(record)
                offset = record.offset()
                assert offset is not None
                self._next[partition] = offset + 1
                self._at_end.discard(partition)
            else:
                self._on_partition_error(record, error)
        ended = self._options.until_end and self._begun and self._at_end >= self._next.keys()
        if not records and ended == self._ended:
            return
        if records:
            self._complaints.clear()
        with self._changed:
            if self._ask is not None:  # these were read for what is no more
                return
            self._records.extend(records)
            self._size += sum(map(len, records))
            self._ended = self._ended or ended
        self._wake()

    def _on_partition_error(self, record: Message, error: KafkaError) -> None:
        match error.code():
            case _Local.PARTITION_EOF:
                self._at_end.add(_partition(record))
            case _Local.AUTO_OFFSET_RESET:
                self._reset(_partition(record))
            case _:
                self._complain(f"{record.topic()}: {error.str()}; trying on")

    def _reset(self, partition: Partition) -> None:
        """What was to be read next is not there: the topic has been emptied, or made anew."""
        topic, number = partition
        wanted = self._next[partition]
        found = edge(self._consumer, partition, self._ingress.reset)
        lost = f"{found - wanted:,} records are lost" if found > wanted else "it has been made anew"
        logger.warning(
            "%s: %s/%s does not hold offset %s any more (%s); going on at its %s, %s",
            self.name, topic, number, wanted, lost, self._ingress.reset, found,
        )  # fmt: skip
        self._next[partition] = found
        self._assign({partition: found})

    # --- the buffer

    def _has_room(self) -> bool:
        with self._changed:
            return self._roomy()

    def _roomy(self) -> bool:
        return len(self._records) < self._options.records and self._size < self._options.bytes

    def _wait_for_room(self) -> None:
        with self._changed:
            roomy = self._changed.wait_for(lambda: self._roomy() or self._interrupted(), _UNPAUSED)
        if self._interrupted():
            return
        if roomy == self._paused:
            change = self._consumer.resume if roomy else self._consumer.pause
            change([TopicPartition(*partition) for partition in self._next])
            self._paused = not roomy
        if self._paused:
            self._keep(self._polled(0))

    def _interrupted(self) -> bool:
        return self._closed or self._ask is not None

    def _wait(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(self._interrupted, seconds)

    # --- the group

    def _note(self) -> None:
        now = time.monotonic()
        if self._ingress.group is None or now < self._next_note:
            return
        with self._changed:
            offsets = self._durable
        if offsets != self._noted:
            self._next_note = now + _NOTE_EVERY
            self._noted = offsets
            self._consumer.commit(offsets=[TopicPartition(*at, offset) for at, offset in offsets.items()])

    def _note_last(self) -> None:
        """Before it ends, for as long as a broker that is there may take."""
        self._next_note = 0.0
        self._answered = False
        with contextlib.suppress(KafkaException):
            self._note()
            if self._next_note:
                end = time.monotonic() + _LAST_NOTE
                while not self._answered and time.monotonic() < end:
                    self._consumer.poll(0.05)

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        self._answered = True
        failed = error or next((at.error for at in offsets if at.error is not None), None)
        if failed is not None:
            self._complain(
                f"how far it has come can't be noted in the group {self._ingress.group}: {failed.str()}. "
                "Its place is kept in the store, so nothing is read twice or passed over"
            )

    # --- complaints

    def _on_error(self, error: KafkaError) -> None:
        if error.code() != _Local.TRANSPORT:  # one connection; all of them is another error
            self._complain(f"{error.str()}; trying on")

    def _complain(self, text: str) -> None:
        if text not in self._complaints:  # once until records come again
            self._complaints.add(text)
            logger.warning("%s: %s", self.name, text)


def _partition(record: Message) -> Partition:
    topic, number = record.topic(), record.partition()
    assert topic is not None
    assert number is not None
    return topic, number
