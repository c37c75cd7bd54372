"""A Kafka egress: writes records to their topics, with the guarantee of its ``deliverySemantic``.

- ``exactly-once``: in transactions; see :class:`~statefun_actors.connectors.kafka.transactions.Transactions`.
- ``at-least-once``, and ``none``, which guarantees less: each is delivered when the brokers have acknowledged it.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence

import msgspec

from statefun_actors.connectors import in_thread
from statefun_actors.connectors.files import record_line
from statefun_actors.connectors.kafka.cluster_facts import ask_cluster
from statefun_actors.connectors.kafka.delivery import WRITER_THREAD, Delivery
from statefun_actors.connectors.kafka.producers import check_properties
from statefun_actors.connectors.kafka.properties import logger
from statefun_actors.connectors.kafka.record_writer import Acknowledged, RecordWriter
from statefun_actors.connectors.kafka.refusals import Refusals
from statefun_actors.connectors.kafka.transactions import Transactions
from statefun_actors.deploy import KafkaEgress
from statefun_actors.engine import EgressQueue
from statefun_actors.types import Codec


class _KafkaPosition(msgspec.Struct, forbid_unknown_fields=True):
    """The committed position: ``kafka`` is a random id per store and egress."""

    kafka: str


class KafkaSink:
    """Writes the records of *egress*, those with one key in order.

    While no broker can be reached, records are kept; while a topic does not exist, those for it are. A record that can
    never be delivered, because it is too large, for a topic with an impossible name, or not a Kafka record, goes to the
    egress :data:`~statefun_actors.connectors.http.REFUSED_RECORDS` as ``{"egress", "id", "reason", "record"}``.

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
            return self._position
        return None

    async def run(self, queue: EgressQueue) -> None:
        writer = await in_thread(WRITER_THREAD, self._connecting(queue))
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
                position = self._position if writer.atomic else None
                refusals = Refusals(queue, self._stream, position, lambda value: record_line(value, self._known))
                await Delivery(queue, writer, refusals, self._count).run()
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

    def _connecting(self, queue: EgressQueue) -> Callable[[], RecordWriter]:
        loop = asyncio.get_running_loop()

        def waiting(reason: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(queue.failing, reason)

        if self._egress.delivery != "exactly-once":
            return lambda: Acknowledged(self._egress, waiting)
        id, lineage = f"statefun-actors-{self._egress.id}-{self._stream}", queue.lineage
        return lambda: Transactions(self._egress, id, lineage)

    def _count(self, records: int) -> None:
        self.records += records

    @property
    def _position(self) -> str:
        return msgspec.json.encode(_KafkaPosition(self._stream)).decode()
