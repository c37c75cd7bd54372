"""Topics of one test, written and read by a client of the test's own."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.cimpl import NewPartitions, NewTopic

_T = TypeVar("_T", AclBinding, AclBindingFilter)

SECONDS: Final = 30.0

Record: TypeAlias = tuple[str | bytes | None, bytes | None]
"""A key and a value."""


class Topics:
    """On the broker at *address*. The names of all of them begin with the *test*'s."""

    def __init__(self, address: str, test: str) -> None:
        self.address = address
        self._test = re.sub(r"[^A-Za-z0-9._-]", "-", test)[:100]
        self._admin = AdminClient({"bootstrap.servers": address, "log_level": 0})

    def name(self, topic: str) -> str:
        """The real name of this test's topic or group *topic*."""
        return f"{self._test}.{topic}"

    def make(self, topic: str = "in", partitions: int = 1, **config: str) -> str:
        """A new topic; its whole name."""
        name = self.name(topic)
        self._admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(SECONDS)
        return name

    def deny(self, name: str, what: AclOperation = AclOperation.WRITE) -> None:
        """Deny everyone to do *what* with the topic."""
        [done] = self._admin.create_acls([_denial(AclBinding, name, what)]).values()
        done.result(SECONDS)

    def allow(self, name: str, what: AclOperation = AclOperation.WRITE) -> None:
        """Take back what :meth:`deny` has done."""
        [done] = self._admin.delete_acls([_denial(AclBindingFilter, name, what)]).values()
        done.result(SECONDS)

    def delete(self, name: str) -> None:
        self._admin.delete_topics([name])[name].result(SECONDS)

    def remake(self, name: str, partitions: int = 1) -> None:
        """Delete the topic, and make an empty one of the same name."""
        self.delete(name)
        self.make_again(name, partitions)

    def make_again(self, name: str, partitions: int = 1) -> None:
        """Make the topic that was deleted; the broker may still be at deleting it."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self._admin.create_topics([NewTopic(name, partitions, 1)])[name].result(SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def grow(self, name: str, partitions: int) -> None:
        self._admin.create_partitions([NewPartitions(name, partitions)])[name].result(SECONDS)

    def truncate(self, name: str, before: int) -> None:
        """Drop the records of partition 0 before that offset."""
        for done in self._admin.delete_records([TopicPartition(name, 0, before)]).values():
            done.result(SECONDS)

    def write(
        self,
        name: str,
        records: Iterable[Record],
        partition: int | None = None,
        times: Iterable[int] | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> None:
        """Return once all of them are there, in this order. *times*: in milliseconds since 1970; *headers*: of each."""
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 2, "log_level": 0})
        at = iter(times) if times is not None else itertools.repeat(0)
        for (key, value), timestamp in zip(records, at, strict=False):
            to = -1 if partition is None else partition
            producer.produce(name, value, key, to, timestamp=timestamp, headers=list(headers))
        assert producer.flush(SECONDS) == 0

    def read(self, name: str, count: int, isolation: str = "read_committed") -> list[Message]:
        """All records of the topic, once there are *count* of them or more."""
        records: list[Message] = []
        deadline = time.monotonic() + SECONDS
        with contextlib.closing(self.consumer("reading", isolation)) as consumer:
            consumer.assign([TopicPartition(name, number, 0) for number in self._partitions(name)])
            while len(records) < count and time.monotonic() < deadline:
                records += [record for record in consumer.consume(count, timeout=0.2) if record.error() is None]
            records += [record for record in consumer.consume(100, timeout=0.3) if record.error() is None]
        assert len(records) >= count, f"{len(records)} of {count} came"
        return records

    def size(self, name: str) -> int:
        """How many records have ever been written to the topic, committed or not, and marks of transactions."""
        with contextlib.closing(self.consumer("sizing", "read_uncommitted")) as consumer:
            return sum(self._end(consumer, TopicPartition(name, number)) for number in self._partitions(name))

    def _end(self, consumer: Consumer, place: TopicPartition) -> int:
        """The end of a partition, which the broker leads some time after it has made the topic."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return consumer.get_watermark_offsets(place, timeout=SECONDS)[1]
            except KafkaException as error:
                if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def consumer(self, group: str, isolation: str = "read_committed") -> Consumer:
        return Consumer({
            "bootstrap.servers": self.address,
            "group.id": self.name(group),
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        })  # fmt: skip

    def noted(self, group: str, name: str) -> dict[int, int]:
        """The offsets that the group has noted, by partition."""
        with contextlib.closing(self.consumer(group)) as consumer:
            asked = [TopicPartition(name, number) for number in self._partitions(name)]
            return {at.partition: at.offset for at in consumer.committed(asked, timeout=SECONDS) if at.offset >= 0}

    def note(self, group: str, name: str, offsets: Sequence[int]) -> None:
        """Have the group note *offsets*, by partition."""
        with contextlib.closing(self.consumer(group)) as consumer:
            places = [TopicPartition(name, number, offset) for number, offset in enumerate(offsets)]
            consumer.commit(offsets=places, asynchronous=False)

    def _partitions(self, name: str) -> list[int]:
        """The partitions of the topic, which the broker lists some time after it has made it."""
        deadline = time.monotonic() + SECONDS
        while (found := self._admin.list_topics(name, timeout=SECONDS).topics[name]).error is not None:
            if found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART or time.monotonic() > deadline:
                raise KafkaException(found.error)
            time.sleep(0.05)
        return list(found.partitions)


def _denial(form: type[_T], name: str, what: AclOperation) -> _T:
    return form(
        ResourceType.TOPIC, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", what, AclPermissionType.DENY
    )
