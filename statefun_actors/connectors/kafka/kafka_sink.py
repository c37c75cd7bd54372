"""A Kafka egress: writes records to their topics, with the guarantee of its ``deliverySemantic``.

- ``exactly-once``: in transactions; see :class:`~statefun_actors.connectors.kafka.transactions.Transactions`.
- ``at-least-once``, and ``none``, which guarantees less: each is delivered when the brokers have acknowledged it.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from confluent_kafka import KafkaError

from statefun_actors.connectors import in_thread
from statefun_actors.connectors.files import record_line
from statefun_actors.connectors.http import REFUSED_RECORDS
from statefun_actors.connectors.kafka.cluster_facts import ask_cluster
from statefun_actors.connectors.kafka.errors import EgressDownError
from statefun_actors.connectors.kafka.producers import check_properties
from statefun_actors.connectors.kafka.properties import logger
from statefun_actors.connectors.kafka.record_errors import no_topic, refused_permanently, why_failed
from statefun_actors.connectors.kafka.transactions import (
    Acknowledged,
    Record,
    Transactions,
    TransactionWriter,
)
from statefun_actors.deploy import KafkaEgress
from statefun_actors.engine import EgressQueue
from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.store import EgressRecord
from statefun_actors.types import JSON_TYPENAME, TOPIC_FORM, Codec, is_topic, record_of_typed

_THREAD: Final = "statefun-actors Kafka egress"
_LONGEST_SHOWN: Final = 80
"""Characters of a topic's impossible name that are shown."""


class _KafkaPosition(msgspec.Struct, forbid_unknown_fields=True):
    """The committed position: ``kafka`` is a random id per store and egress."""

    kafka: str


class KafkaSink:
    """Writes the records of *egress*, those with one key in order.

    While no broker can be reached, or a topic does not exist, records are kept. A record that can never be delivered,
    because it is too large, for a topic with an impossible name, or not a Kafka record, goes to the egress
    :data:`~statefun_actors.connectors.http.REFUSED_RECORDS` as ``{"egress", "id", "reason", "record"}``.

    Args:
        egress: the component of module.yaml.
        known: the codecs of the application, by typename.
        topics: topics that records will have; those that don't exist are logged once, when it starts.

    Raises:
        BadPropertyError: the client refuses the properties of *egress*.
    """

    def __init__(
        self, egress: KafkaEgress, known: Mapping[str, Codec] | None = None, topics: Sequence[str] = ()
    ) -> None:
        self._egress, self._known, self._topics = egress, known, topics
        self._stream = ""
        self.needs_lineage = egress.delivery == "exactly-once"
        """See :class:`~statefun_actors.engine.Sink`."""
        self.records = 0
        """The number of records delivered since it was created."""
        check_properties(egress)

    def resume(self, position: str | None) -> str | None:
        try:
            self._stream = msgspec.json.decode(position or "", type=_KafkaPosition).kafka
        except msgspec.DecodeError:
            self._stream = uuid.uuid4().hex
            return msgspec.json.encode(_KafkaPosition(self._stream)).decode()
        return None

    async def run(self, queue: EgressQueue) -> None:
        writer = await in_thread(_THREAD, self._connecting(queue))
        if writer.foreign:
            logger.warning(
                "egress %s: its topics hold records up to number %d that this store, a restored backup perhaps, does "
                "not know. They stay there; those that this store writes follow them",
                self._egress.id,
                writer.foreign,
            )
        queue.trying()
        naming = asyncio.create_task(self._name_missing_topics())  # it may take long; records do not wait for it
        try:
            with contextlib.closing(writer):
                while True:
                    taken = await queue.take()
                    there = [record for record in taken if record.seq <= writer.through]
                    if there:
                        queue.done(there)
                    await self._through(self._readable(taken[len(there) :], queue), writer, queue)
        finally:
            naming.cancel()

    async def _name_missing_topics(self) -> None:
        """Log them once, as soon as the brokers answer, not at each retry."""
        if not self._topics or (cluster := await ask_cluster(self._egress)) is None or cluster.topics is None:
            return
        topics, self._topics = self._topics, ()
        for topic in topics:
            if topic not in cluster.topics:
                logger.warning(
                    "egress %s: there is no topic %r at %s. Create it; until then its records are kept, unless the "
                    "brokers create topics themselves", self._egress.id, topic, self._egress.address,
                )  # fmt: skip

    def _connecting(self, queue: EgressQueue) -> Callable[[], TransactionWriter]:
        loop = asyncio.get_running_loop()

        def waiting(reason: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(queue.failing, reason)

        if self._egress.delivery != "exactly-once":
            return lambda: Acknowledged(self._egress, waiting)
        id, lineage = f"statefun-actors-{self._egress.id}-{self._stream}", queue.lineage
        return lambda: Transactions(self._egress, id, lineage)

    async def _through(
        self, records: Sequence[tuple[EgressRecord, Record]], writer: TransactionWriter, queue: EgressQueue
    ) -> None:
        """Deliver or refuse *records*, in order."""
        while records:
            failed = await _written(writer, records)
            if not failed:
                self._done([kept for kept, _ in records], queue)
                return
            if not writer.atomic:
                self._done([kept for kept, _ in records if kept.seq not in failed], queue)
                records = [each for each in records if each[0].seq in failed]
            first = next(index for index, (kept, _) in enumerate(records) if kept.seq in failed)
            if before := records[:first]:
                if again := await _written(writer, before):
                    failing = next(record for kept, record in before if kept.seq in again)
                    raise EgressDownError(why_failed(failing.topic, again[failing.seq]))
                self._done([kept for kept, _ in before], queue)
            kept, record = records[first]
            if no_topic(error := failed[kept.seq]):  # no other record is the cause
                raise EgressDownError(why_failed(record.topic, error))
            await self._alone(records[first], writer, queue)
            records = records[first + 1 :]

    async def _alone(self, pair: tuple[EgressRecord, Record], writer: TransactionWriter, queue: EgressQueue) -> None:
        """Retry alone a record that has failed with others, which may be the cause."""
        kept, record = pair
        failed = await _written(writer, [pair])
        if not failed:
            self._done([kept], queue)
        elif refused_permanently(error := failed[kept.seq]):
            self._refuse(kept, why_failed(record.topic, error), queue)
        else:
            raise EgressDownError(why_failed(record.topic, error))

    def _readable(self, records: Sequence[EgressRecord], queue: EgressQueue) -> list[tuple[EgressRecord, Record]]:
        """The records with their Kafka forms; those without one are refused."""
        found = []
        for kept in records:
            try:
                sent = record_of_typed(kept.value)
            except ValueError:
                sent = None
            if isinstance(sent, KafkaRecord) and is_topic(sent.topic):
                key = None if sent.key is None else sent.key.encode()
                headers = [(name, value.encode()) for name, value in (kept.headers or {}).items()]
                found.append((kept, Record(kept.seq, sent.topic, key, sent.value, headers)))
            elif isinstance(sent, KafkaRecord) and sent.topic:
                self._refuse(
                    kept,
                    f"no topic can have the name {sent.topic[:_LONGEST_SHOWN]!r}: Kafka allows {TOPIC_FORM}",
                    queue,
                )
            else:
                self._refuse(kept, "it is no Kafka record with a topic; send kafka_record(...)", queue)
        return found

    def _done(self, records: Sequence[EgressRecord], queue: EgressQueue) -> None:
        if records:
            queue.done(records)
            self.records += len(records)

    def _refuse(self, kept: EgressRecord, reason: str, queue: EgressQueue) -> None:
        if kept.egress == REFUSED_RECORDS:  # it has no other egress
            raise EgressDownError(reason)
        report = {"egress": kept.egress, "id": f"{self._stream}-{kept.seq}", "reason": reason}
        record = msgspec.Raw(record_line(kept.value, self._known))
        queue.done_as(
            kept, REFUSED_RECORDS, TypedValue(JSON_TYPENAME, msgspec.json.encode({**report, "record": record}))
        )


async def _written(
    writer: TransactionWriter, records: Sequence[tuple[EgressRecord, Record]]
) -> Mapping[int, KafkaError]:
    return await in_thread(_THREAD, lambda: writer.write([record for _, record in records]))
