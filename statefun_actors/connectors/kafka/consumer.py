"""The thread that reads a consumer's records, in order within a partition, into the buffer.

It reads all partitions of its topics, as Flink's source does, and joins no consumer group: the store has the state of
all keys, so it needs every record, and a rebalance must not take partitions away. While the buffer is full, nothing is
fetched; if that takes longer, the partitions are paused, and the client is still polled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from statefun_actors.connectors.kafka.buffer import Buffer
from statefun_actors.connectors.kafka.complaints import (
    AUTO_OFFSET_RESET,
    PARTITION_EOF,
    UNKNOWN_PARTITION,
    UNKNOWN_TOPIC,
    Complaints,
)
from statefun_actors.connectors.kafka.group import GroupNotes
from statefun_actors.connectors.kafka.ids import TopicIds
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.connectors.kafka.start import (
    NoTopicError,
    Offsets,
    Partition,
    TopicOffset,
    edge,
    partitions_of,
    starts,
)
from statefun_actors.deploy import KafkaIngress
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.kafka")

_BATCH: Final = 500
_POLL: Final = 0.25
"""Timeout of a poll, in seconds."""
_UNPAUSED: Final = 1.0
"""Seconds for which the buffer may be full before the partitions are paused."""
_GONE: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC, UNKNOWN_PARTITION}
)
"""A topic was deleted, and may have been recreated."""
_AGAIN: Final = 1.0
"""Seconds before a retry."""

_DEFAULTS: Final = {
    "queued.max.messages.kbytes": "16384",
    "queued.min.messages": "10000",
    "fetch.error.backoff.ms": "100",
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "1000",
}
"""Bounded memory, and a quick recovery after an outage. module.yaml may override them."""


@attrs.frozen(kw_only=True)
class ReaderOptions:
    """``records`` and ``bytes`` bound the buffer. ``look_every``: seconds between two checks for new partitions."""

    until_end: bool = False
    """Whether it ends after it has reached the end of every partition."""
    records: int = 2_000
    bytes: int = 16 * 1024 * 1024
    look_every: float = 60.0


class TopicReader:
    """Reads *topics* of *ingress* into :attr:`buffer`. *wake* is called, in the thread, when records arrive.

    Raises:
        BadPropertyError: the client refuses the properties of *ingress*.
    """

    def __init__(
        self, ingress: KafkaIngress, topics: Sequence[str], wake: Callable[[], None], options: ReaderOptions
    ) -> None:
        self.buffer = Buffer(options.records, options.bytes)
        self.bug: BaseException | None = None
        """The error that ended the thread, if any."""
        self._name = f"Kafka ingress {ingress.id}"
        self._ingress, self._topics, self._wake, self._options = ingress, topics, wake, options
        self._complaints = Complaints(self._name, ingress.address)
        own = {
            "bootstrap.servers": ingress.address,
            "group.id": ingress.group or f"statefun-actors-{ingress.id}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "error_cb": self._complaints.error,
            "log_level": 0,  # log lines are reported as errors, too
        }
        written = {**_DEFAULTS, **ingress.properties}
        self._consumer = client(self._name, Consumer, own, written)
        self._notes = GroupNotes(self._name, ingress, written, self._complaints)
        self._topic_ids = TopicIds(self._name, ingress)
        self._known = TopicOffset()
        self._ids: dict[str, str] = {}
        self._next: dict[Partition, int] = {}
        self._at_end: set[Partition] = set()
        self._begun = self._paused = False
        self._stalled = False
        """Whether brokers did not answer, or lacked a topic, when they were asked last."""
        self._failing: set[Partition] = set()
        """Those whose last answer was an error, such as a denial of access."""
        self._next_look = 0.0
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)

    @property
    def reading(self) -> bool:
        """Whether every record that is written from now on will be read soon."""
        return self._begun and not self._stalled and not self._failing and self.bug is None

    def begin(self, known: TopicOffset) -> None:
        """Restart at *known*, and drop the records read so far."""
        self.buffer.begin(known)
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """End the thread. A second call has no effect."""
        self.buffer.close()
        if self._thread.is_alive():
            self._thread.join()
        else:
            self._consumer.close()

    # --- the thread

    def _run(self) -> None:
        try:
            while not self.buffer.closed:
                try:
                    self._turn()
                except NoTopicError as error:
                    self._stalled = True
                    self._complaints.warn(f"{error}; waiting for it")
                    if self._begun:  # a recreated topic is another one: its id is checked before anything is fetched
                        self._begin_again()
                        self._consumer.unassign()
                    self.buffer.rest(_AGAIN)
                except KafkaException as error:
                    self._stalled = True
                    self._complaints.failed(error)
                    self.buffer.rest(_AGAIN)
            self._notes.note_last(self.buffer.durable)
        except BaseException as bug:
            self.bug = bug
            self._wake()
        finally:
            self._consumer.close()

    def _turn(self) -> None:
        if (wanted := self.buffer.wanted()) is not None:
            self._known, self._begun = wanted, False
        if not self._begun:
            self._begin()
        elif time.monotonic() >= self._next_look:
            self._look()
        roomy = self.buffer.wait_for_room(_UNPAUSED)
        if roomy == self._paused:
            self._pause(not roomy)
        self._keep(self._polled(_POLL if roomy else 0))
        self._notes.note(self.buffer.durable)

    def _partitions(self) -> tuple[list[Partition], Mapping[str, str]]:
        """All partitions, and the ids of their topics."""
        partitions = [partition for topic in self._topics for partition in partitions_of(self._consumer, topic)]
        ids = self._topic_ids.of(self._topics)
        self._stalled = False
        self._next_look = time.monotonic() + self._options.look_every
        return partitions, ids

    def _begin(self) -> None:
        partitions, ids = self._partitions()
        recreated = self._known.recreated(ids)
        known = {
            partition: offset for partition, offset in self._known.offsets.items() if partition[0] not in recreated
        }
        same = [partition for partition in partitions if partition[0] not in recreated]
        found = starts(self._consumer, self._ingress, same, known)
        reset = self._ingress.reset
        found.update({each: edge(self._consumer, each, reset) for each in partitions if each[0] in recreated})
        for topic in sorted(recreated):
            logger.warning(
                "%s: topic %s has been recreated (its id has changed), so its old offsets are dropped; "
                "continuing at its %s",
                self._name, topic, reset,
            )  # fmt: skip
        self._next, self._ids = found, {**self._known.ids, **ids}
        self._begun = True
        self._assign(self._next)

    def _begin_again(self) -> None:
        """Continue at the current position, after another check of the topics."""
        self._known, self._begun = TopicOffset(dict(self._next), self._ids), False

    def _look(self) -> None:
        """Check for new partitions and recreated topics."""
        partitions, ids = self._partitions()
        if self._failing or TopicOffset({}, self._ids).recreated(
            ids
        ):  # an error is reported once: see whether it lasts
            self._begin_again()
            return
        new = [partition for partition in partitions if partition not in self._next]
        if new:
            begun = starts(self._consumer, self._ingress, new, self._next)
            self._next.update(begun)
            self._assign(begun)

    def _assign(self, begun: Offsets) -> None:
        """Assign the partitions in ``_next``; those in *begun* are new."""
        self._consumer.assign([TopicPartition(*partition, offset) for partition, offset in self._next.items()])
        self._paused = False
        self._at_end.clear()
        self._failing &= self._next.keys()
        self.buffer.put_begun(TopicOffset(dict(begun), self._ids))
        self._wake()

    def _pause(self, paused: bool) -> None:
        change = self._consumer.pause if paused else self._consumer.resume
        change([TopicPartition(*partition) for partition in self._next])
        self._paused = paused

    def _polled(self, seconds: float) -> list[Message]:
        first = self._consumer.poll(seconds)
        return [] if first is None else [first, *self._consumer.consume(_BATCH, timeout=0)]

    def _keep(self, polled: Sequence[Message]) -> None:
        records = []
        for record in polled:
            if (error := record.error()) is None:
                records.append(record)
                offset = record.offset()
                assert offset is not None
                self._next[_partition(record)] = offset + 1
                self._failing.discard(_partition(record))
            else:
                self._on_partition_error(record, error)
        if records:
            self._complaints.forget()
        ended = self._options.until_end and self._at_end >= self._next.keys()
        if records or ended:
            self.buffer.put(records, ended=ended)
            self._wake()

    def _on_partition_error(self, record: Message, error: KafkaError) -> None:
        if error.code() == PARTITION_EOF:
            self._at_end.add(_partition(record))
            self._failing.discard(_partition(record))
        elif error.code() == AUTO_OFFSET_RESET:
            self._reset(_partition(record))
        else:
            if error.code() in _GONE:
                self._next_look = 0.0
            elif record.partition() is not None:
                self._failing.add(_partition(record))
            self._complaints.warn(f"{record.topic()}: {error.str()}; retrying")

    def _reset(self, partition: Partition) -> None:
        """Handle a missing next offset: the topic has been truncated or recreated."""
        topic, number = partition
        if TopicOffset({}, self._ids).recreated(self._topic_ids.of([topic])):
            self._begin_again()
            return
        wanted = self._next[partition]
        found = edge(self._consumer, partition, self._ingress.reset)
        lost = f"{found - wanted:,} records are lost" if found > wanted else "it has been recreated"
        logger.warning(
            "%s: %s/%s no longer has offset %s (%s); continuing at its %s, %s",
            self._name, topic, number, wanted, lost, self._ingress.reset, found,
        )  # fmt: skip
        self._next[partition] = found
        self._assign({partition: found})


def _partition(record: Message) -> Partition:
    topic, number = record.topic(), record.partition()
    assert topic is not None
    assert number is not None
    return topic, number
