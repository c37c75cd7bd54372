"""Writes records with a producer in transactions that include the position of the egress.

All calls block, and run in a thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from statefun_actors.connectors.kafka.complaints import TIMED_OUT
from statefun_actors.connectors.kafka.deadline import within
from statefun_actors.connectors.kafka.errors import EgressDownError
from statefun_actors.connectors.kafka.notes import Note, Written, note_place
from statefun_actors.connectors.kafka.producers import NeverEnded, let_go, name_of, producer
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.connectors.kafka.record_writer import (
    Record,
    flush,
    missing_topics,
    produce,
    why_down,
    why_stalled,
)
from statefun_actors.deploy import KafkaEgress
from statefun_actors.engine import Lineage

_ANSWER: Final = 10.0
"""Timeout of requests, in seconds."""
_UNDONE: Final = 3.0
"""Timeout of an abort; after it, a new client does it."""
_never_ended: Final = NeverEnded(4)
_PAUSE: Final = 0.2
_SOON: Final = frozenset({
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
})  # fmt: skip
"""Errors of a broker that is starting."""


class Transactions:
    """Writes each record exactly once for readers of committed records.

    A transaction also commits notes of what is written (notes.py), in the consumer group *id*, which only this egress
    uses. After a failure, the next writer with the same *id* fences this one, and reads from the notes whether the last
    transaction was committed.

    If the store is a restored backup, what was committed since the backup was made is of another history: it does not
    count as written.

    A broker deletes a group's offsets after ``offsets.retention.minutes`` (7 days) without a transaction: if the store
    is run again only after that, records committed right before a crash may be written again.

    Raises:
        EgressDownError: the brokers don't answer, or access is denied.
    """

    atomic = True

    def __init__(self, egress: KafkaEgress, id: str, lineage: Lineage) -> None:
        self._egress, self._id, self._address, self._lineage = egress, id, egress.address, lineage.noted
        self._last: KafkaError | None = None
        own = {"bootstrap.servers": egress.address, "log_level": 0, "group.id": id, "isolation.level": "read_committed"}
        consumer = client(name_of(egress), Consumer, own, egress.properties)
        try:
            self._group = consumer.consumer_group_metadata()
            self._producer = self._begun()
            noted = _noted(consumer)
        except KafkaException as error:
            raise EgressDownError(self._why(error)) from error
        finally:
            consumer.close()
        self._before = Written(noted, lineage)
        self.foreign = self._before.foreign

    @property
    def through(self) -> int:
        """All records up to this seq were written by earlier writers; -1: unknown."""
        return self._before.through

    def has(self, record: Record) -> bool:
        return self._before.has(record.seq, record.topic)

    def missing(self, topics: Iterable[str], by_name: AbstractSet[str]) -> set[str]:
        return missing_topics(self._producer, topics, by_name)

    def write(self, records: Sequence[Record], through: int) -> Mapping[int, KafkaError]:
        try:
            return self._written(records, through)
        except EgressDownError:
            _never_ended.keep(self._producer)
            raise

    def _written(self, records: Sequence[Record], through: int) -> Mapping[int, KafkaError]:
        failed: dict[int, KafkaError] = {}
        try:
            self._producer.begin_transaction()
            for record in records:
                produce(self._producer, record, failed)
            flush(self._producer, _ANSWER, lambda: self._stalled(records))
            if failed:
                self._undo()
                return failed
            last = {each.topic: each.seq for each in records}
            self._note([note_place(topic, through, seq, self._lineage) for topic, seq in last.items()])
            self._producer.commit_transaction(_ANSWER)
        except KafkaException as error:
            raise EgressDownError(self._why(error)) from error
        return {}

    def _note(self, places: Sequence[TopicPartition]) -> None:
        """Add the notes at *places* to the transaction.

        The client ignores its timeout. It waits forever after it has dropped the broker of the group, because that was
        down for a while: https://github.com/confluentinc/librdkafka/issues/5456, and 5511. If the call succeeds later,
        the next writer has fenced this one, or reads the committed position.
        """
        writing, group = self._producer, self._group
        try:
            within(_ANSWER, lambda: writing.send_offsets_to_transaction(list(places), group, _ANSWER))
        except TimeoutError as error:
            raise EgressDownError(f"no broker of {self._address} takes how far its group has come") from error

    def close(self) -> None:
        """Abandon writes in progress: the next writer aborts them, or finds them committed."""
        given_up = self._producer
        del self._producer
        let_go(given_up)

    def _undo(self) -> None:
        """Abort, and continue with a new client: after a refused record, a client can't write any more."""
        before = self._producer
        try:
            before.abort_transaction(_UNDONE)
        except KafkaException:
            _never_ended.keep(before)
        self._producer = self._begun()

    def _begun(self) -> Producer:
        """A producer with initialized transactions: others of the same id are fenced, their transactions aborted."""
        begun = producer(self._egress, self._id, self._on_error)
        try:
            begun.init_transactions(_ANSWER)
        except KafkaException:
            let_go(begun)
            raise
        return begun

    def _stalled(self, records: Sequence[Record]) -> None:
        raise EgressDownError(why_stalled(self._producer, records, self._address, self._last))

    def _why(self, error: KafkaException) -> str:
        inner = error.args[0]
        return why_down(self._address, self._last if inner.code() == TIMED_OUT else inner)

    def _on_error(self, error: KafkaError) -> None:
        self._last = error


def _noted(consumer: Consumer) -> list[Note]:
    """The notes that are committed in the group of *consumer*.

    An AdminClient would need no topics, but crashes if a broker is not the group's coordinator yet.
    """
    end = time.monotonic() + _ANSWER
    while True:
        try:
            topics = consumer.list_topics(timeout=_ANSWER).topics
            places = (
                consumer.committed([TopicPartition(topic, 0) for topic in topics], timeout=_ANSWER) if topics else []
            )
            failed = next((at.error for at in places if at.error is not None), None)
            if failed is not None:
                raise KafkaException(failed)
        except KafkaException as error:
            if error.args[0].code() not in _SOON or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return [Note.read(at) for at in places if at.offset >= 0]
