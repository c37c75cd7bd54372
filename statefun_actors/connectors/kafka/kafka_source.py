"""A Kafka ingress: topics as a source of the engine.

How far each partition has been read is committed with the epoch that handles the records, so each of them counts once,
whatever happens to this process or to the brokers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from statefun_actors.connectors.kafka.consumer import ReaderOptions, TopicReader
from statefun_actors.connectors.kafka.record_messages import BAD_RECORDS, Routes
from statefun_actors.connectors.kafka.start import TopicOffset
from statefun_actors.deploy import KafkaIngress
from statefun_actors.engine import Inbox
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.kafka")

_Position = dict[str, dict[int, int]]
"""The offset of the record that is read next, by topic and partition."""
_IDS: Final = "topic ids"
"""The key of the topic ids in a position; no topic can have this name. Positions of earlier versions lack it."""


class KafkaSource:
    """Reads all topics of *ingress*.

    While no broker can be reached it waits, and logs that once. A record that is not a message is sent to the egress
    :data:`~statefun_actors.connectors.kafka.BAD_RECORDS`, and the next ones are read.

    Raises:
        BadPropertyError: the client refuses the properties of *ingress*.
    """

    kind: Literal["kafka"] = "kafka"
    """The source of its messages, for instruments."""

    def __init__(self, ingress: KafkaIngress, options: ReaderOptions | None = None) -> None:
        self.id = ingress.id
        self.exhausted = False
        """Whether it has reached the end of every partition; only with ``until_end``."""
        self.records = self.bad = 0
        """The numbers of records read since it was created, and of those that were not messages."""
        self._routes = Routes(ingress.id, ingress.topics)
        self._position: _Position = {}
        self._ids: dict[str, str] = {}
        """The ids of the topics with a known position."""
        self._wake_engine: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader = TopicReader(ingress, self._routes.topics, self._wake, options or ReaderOptions())
        self._buffer = self._reader.buffer

    def resume(self, position: str | None) -> None:
        found = msgspec.json.decode(position or "{}", type=dict[str, msgspec.Raw])
        self._ids = msgspec.json.decode(found.pop(_IDS, b"{}"), type=dict[str, str])
        self._position = {topic: msgspec.json.decode(held, type=dict[int, int]) for topic, held in found.items()}
        self.exhausted = False
        self._reader.begin(TopicOffset(_offsets(self._position), dict(self._ids)))

    def read(self, most: int, inbox: Inbox) -> str | None:
        if self._loop is None:
            self._wake_engine, self._loop = inbox.wake, asyncio.get_running_loop()
        if self._reader.bug is not None:
            raise self._reader.bug
        records, begun = self._buffer.take(max(1, most // self._routes.fan_out))
        if not records:
            self.exhausted = self._buffer.ended
            if not begun:
                return None
        # The starts of partitions come first: they are stored before any of their records.
        for place in begun:
            for topic in place.recreated(self._ids):
                self._position.pop(topic, None)
            self._ids.update(place.ids)
            for (topic, partition), offset in place.offsets.items():
                self._position.setdefault(topic, {})[partition] = offset
        position, deliver = self._position, self._routes.deliver
        for record in records:
            if (why := deliver(record, inbox)) is not None:
                self._count_bad(str(record.topic()), why)
            position[record.topic()][record.partition()] = record.offset() + 1  # type: ignore[index,operator] # never None
        self.records += len(records)
        offsets = _offsets(position)
        inbox.when_durable(lambda lost: None if lost else setattr(self._buffer, "durable", offsets))
        return msgspec.json.encode({**position, _IDS: self._ids} if self._ids else position).decode()

    def close(self) -> None:
        """Disconnect from the brokers. Safe to call twice."""
        self._reader.close()

    def _wake(self) -> None:
        if self._wake_engine is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake_engine)

    def _count_bad(self, topic: str, why: str) -> None:
        self.bad += 1
        if self.bad == 1:
            logger.warning(
                "Kafka ingress %s: a record of %s is not a message (%s); such records are sent to the egress %s",
                self.id, topic, why, BAD_RECORDS,
            )  # fmt: skip


def _offsets(position: _Position) -> dict[tuple[str, int], int]:
    return {(topic, number): at for topic, numbers in position.items() for number, at in numbers.items()}
