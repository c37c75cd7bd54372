"""A StateFun job in one JVM between topics of a real broker: its messages are read there, its records written there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from string import Template
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from statefun_actors import Address, KafkaRecord, TypedValue
from statefun_actors.types import pack, record_of_typed, record_to_typed
from tests.flink.distribution import HERE, Distribution
from tests.flink.jvm import WAIT_SECONDS, FlinkError, FlinkJvm

IN: Final = "conf.in"
"""The topic that the job reads."""
EGRESSES: Final = tuple(f"conf/{name}" for name in ("app", "kafka", "kinesis", "letters", "out", "plain"))
"""All that is sent to by the conformance cases: Flink wants them beforehand."""
TOPICS: Final = ("app", "bin", "letters", "t")
"""Those of the cases' own Kafka records."""
_CHECKPOINT_MS: Final = 2_000
"""No case waits for a checkpoint. A job that a case fails resumes from the last one."""
_EGRESS: Final = """\
---
kind: io.statefun.kafka.v1/egress
spec:
  id: $id
  address: $broker
  deliverySemantic:
    type: at-least-once
"""


def published(run: str, egress: str, value: TypedValue) -> tuple[TypedValue, KafkaRecord]:
    """What a Kafka egress is given for *value*, and the record that must arrive at the broker.

    A record that the application has made arrives as it is: cases that run at the same time must not make equal ones.
    """
    assert egress in EGRESSES, f"Flink does not know the egress {egress}; add it to EGRESSES"
    record = record_of_typed(value)
    if isinstance(record, KafkaRecord):
        assert record.topic in TOPICS, f"the broker does not know the topic {record.topic}; add it to TOPICS"
        return value, record
    record = KafkaRecord(_topic(egress), value.value, f"{run}:{value.typename}")
    return record_to_typed(record), record


def read_back(record: KafkaRecord) -> TypedValue:
    """The value that :func:`published` was given, of the *record* that arrived."""
    if record.topic in TOPICS:
        return record_to_typed(record)
    assert record.key is not None
    return TypedValue(record.key.partition(":")[2], record.value)


def _topic(egress: str) -> str:
    return egress.replace("/", ".")


class FlinkOverKafka:
    """One running job.

    Args:
        distribution: its jars.
        broker: an address.
        endpoint: the URL that ``conf/*`` and ``probe/*`` lead to.

    Raises:
        FlinkError: the job does not run in time.
    """

    def __init__(self, distribution: Distribution, broker: str, endpoint: str) -> None:
        topics = [IN, *TOPICS, *map(_topic, EGRESSES)]
        client: dict[str, str | int | float | bool] = {"bootstrap.servers": broker, "log_level": 0}
        admin = AdminClient(client)
        for made in admin.create_topics([NewTopic(topic, 1, 1) for topic in topics]).values():
            made.exception(WAIT_SECONDS)  # that of dead letters may be there: the job behind gateways has it, too
        module = Template((HERE / "conformance.yaml").read_text(encoding="utf-8")).substitute(tapped=endpoint)
        module += "".join(Template(_EGRESS).substitute(id=each, broker=broker) for each in EGRESSES)
        self.takers: list[Callable[[KafkaRecord], bool]] = []
        """Called with each record that the job wrote, in a thread of this object, until one says that it is its own."""
        kafka = {"kafka.address": broker, "kafka.topic": IN}
        self._jvm = FlinkJvm(distribution, module, (), kafka, _CHECKPOINT_MS)
        self.listeners = self._jvm.listeners
        self._producer = Producer({**client, "linger.ms": 0, "enable.idempotence": True})
        self._consumer = Consumer({**client, "group.id": "conformance", "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(each, 0, OFFSET_BEGINNING) for each in topics[1:]])
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, name="records", daemon=True)
        self._reader.start()

    def send(self, target: Address, *messages: object) -> None:
        """:meth:`send_all`, to one target."""
        self.send_all((target, message) for message in messages)

    def send_all(self, messages: Iterable[tuple[Address, object]]) -> None:
        """Write *messages* to the topic that the job reads. They keep their order, whatever their targets.

        Raises:
            FlinkError: the broker does not take them.
        """
        for target, message in messages:
            value = pack(message)
            headers: list[tuple[str, str | bytes | None]] = [("to", target.typename), ("type", value.typename)]
            self._producer.produce(IN, value.value, target.id, 0, headers=headers)
        if self._producer.flush(WAIT_SECONDS) > 0:
            raise FlinkError(f"{WAIT_SECONDS:g} s went by, waiting for the broker to take messages")

    def log(self) -> str:
        """The end of the JVM's log."""
        return self._jvm.log()

    def close(self) -> None:
        """End the job, and wait for that."""
        self._closing.set()
        self._reader.join()
        self._consumer.close()
        self._jvm.close()

    def _read(self) -> None:
        while not self._closing.is_set():
            record = self._consumer.poll(0.1)
            if record is not None and record.error() is None:
                key = record.key()
                found = KafkaRecord(record.topic() or "", record.value() or b"", key.decode() if key else None)
                any(taker(found) for taker in tuple(self.takers))
