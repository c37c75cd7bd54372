"""Writing records with a producer: acknowledged ones, and transactions that hold how far they have come.

Everything here blocks, and is called in a thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import attrs
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from statefun_actors.connectors.kafka.complaints import ALL_BROKERS_DOWN, TIMED_OUT, TRANSPORT
from statefun_actors.connectors.kafka.deadline import within
from statefun_actors.connectors.kafka.errors import EgressDownError, OlderStoreError
from statefun_actors.connectors.kafka.producers import name_of, producer
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.deploy import KafkaEgress

_ANSWER: Final = 10.0
"""Seconds that brokers have to answer."""
_UNDONE: Final = 3.0
"""Seconds that a client has to abort, until another one is made to do it."""
_never_ended: Final[list[Producer]] = []
"""Clients with a transaction that broke: librdkafka may hang, or crash, when such a one is ended."""
_PATIENCE: Final = 5.0
"""Seconds without an acknowledgement until it is said that nothing gets through."""
_SLICE: Final = 0.2
_PURGED: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - its Python names
_FOR_GOOD: Final = frozenset({
    KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD,
    KafkaError.TOPIC_EXCEPTION,
})  # fmt: skip

_NO_TOPIC: Final = frozenset({
    KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - the same
})  # fmt: skip
_SOON: Final = frozenset({
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
})  # fmt: skip
"""What a broker says that is about to be able to answer."""


@attrs.frozen
class Record:
    """A record on its way."""

    seq: int
    topic: str
    key: bytes | None
    value: bytes


def refused_for_good(error: KafkaError) -> bool:
    """Whether the record can't get through, however often it is tried. Not certain of one that was sent with others."""
    return error.code() in _FOR_GOOD


def why_failed(record: Record, error: KafkaError) -> str:
    """Why *record* by itself does not get through, for its user."""
    if error.code() in _NO_TOPIC:
        return f"there is no topic {record.topic!r}"
    return f"topic {record.topic}: {KafkaError(error.code()).str()}"


class TransactionWriter(Protocol):
    """One producer."""

    atomic: bool
    """Whether nothing of what is written together is there if one record fails."""
    through: int
    """Every record up to this seq is there already; -1 = that is not known of any."""

    def write(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        """Return once they are there: those that failed by themselves, by seq.

        Raises:
            EgressDownError: it can't go on; another writer may.
        """
        ...

    def close(self) -> None:
        """Give up on what is under way. In any thread."""
        ...


class Acknowledged:
    """Each record is there at least once, those of one partition in order.

    *waiting* is called, in the thread, with the reason why nothing gets through at present.
    """

    atomic = False
    through = -1

    def __init__(self, egress: KafkaEgress, waiting: Callable[[str], None]) -> None:
        self._address, self._waiting = egress.address, waiting
        self._last: KafkaError | None = None
        self._producer = producer(egress, None, self._on_error)

    def write(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        failed: dict[int, KafkaError] = {}
        self._last = None
        for record in records:
            _produce(self._producer, record, failed)
        _flush(self._producer, _PATIENCE, lambda: self._waiting(_reason(self._address, self._last)))
        return failed

    def close(self) -> None:
        given_up = self._producer
        del self._producer
        _let_go(given_up)

    def _on_error(self, error: KafkaError) -> None:
        self._last = error


class Transactions:
    """Each record is there exactly once for whoever reads what is committed.

    A transaction also holds how far the records have come: as an offset of the consumer group *id*, which is nobody's
    but this egress's, at partition 0 of each topic that is written. So what may or may not have been committed when
    something broke is known once the next writer of the same *id* has been made, which also shuts out this one.

    A broker forgets a group's offsets after ``offsets.retention.minutes`` (7 days) without a transaction: what was
    committed right before a crash may come again if the store is run again only then.

    Raises:
        EgressDownError: the brokers don't answer, or don't allow it.
        OlderStoreError: more has been written than the store knows, which is up to *newest*.
    """

    atomic = True

    def __init__(self, egress: KafkaEgress, id: str, newest: int) -> None:
        self._egress, self._id, self._address = egress, id, egress.address
        self._last: KafkaError | None = None
        own = {"bootstrap.servers": egress.address, "log_level": 0, "group.id": id, "isolation.level": "read_committed"}
        consumer = client(name_of(egress), Consumer, own, egress.properties)
        try:
            self._group = consumer.consumer_group_metadata()
            self._producer = self._begun()
            self.through = _noted(consumer)
        except KafkaException as error:
            raise EgressDownError(self._why(error)) from error
        finally:
            consumer.close()
        if self.through > newest:
            raise OlderStoreError(egress.id, id, self.through, newest)

    def write(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        try:
            return self._written(records)
        except EgressDownError:
            _never_ended.append(self._producer)
            raise

    def _written(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        failed: dict[int, KafkaError] = {}
        try:
            self._producer.begin_transaction()
            for record in records:
                _produce(self._producer, record, failed)
            _flush(self._producer, _ANSWER, self._stalled)
            if failed:
                self._undo()
                return failed
            self._note([TopicPartition(topic, 0, records[-1].seq + 1) for topic in {each.topic for each in records}])
            self._producer.commit_transaction(_ANSWER)
        except KafkaException as error:
            raise EgressDownError(self._why(error)) from error
        return {}

    def _note(self, places: Sequence[TopicPartition]) -> None:
        """How far the records have come, in the transaction.

        The client ignores its timeout. It waits for ever once it has dropped the broker that keeps the group, because
        that was missing for a while: https://github.com/confluentinc/librdkafka/issues/5456, and 5511. Should the call
        come to something later, this writer is shut out by the next one, or that one finds what it has done.
        """
        writing, group = self._producer, self._group
        try:
            within(_ANSWER, lambda: writing.send_offsets_to_transaction(list(places), group, _ANSWER))
        except TimeoutError as error:
            raise EgressDownError(f"no broker of {self._address} takes how far its group has come") from error

    def close(self) -> None:
        """What is under way is undone, or found, by the next writer."""
        given_up = self._producer
        del self._producer
        _let_go(given_up)

    def _undo(self) -> None:
        """Abort, and go on with another client: one whose record a broker has refused gets nothing more through."""
        before = self._producer
        try:
            before.abort_transaction(_UNDONE)
        except KafkaException:
            _never_ended.append(before)
        self._producer = self._begun()

    def _begun(self) -> Producer:
        """A producer, once whatever others of the same id had under way is undone, and they are shut out."""
        begun = producer(self._egress, self._id, self._on_error)
        try:
            begun.init_transactions(_ANSWER)
        except KafkaException:
            _let_go(begun)
            raise
        return begun

    def _stalled(self) -> None:
        raise EgressDownError(_reason(self._address, self._last))

    def _why(self, error: KafkaException) -> str:
        inner = error.args[0]
        return _reason(self._address, self._last if inner.code() == TIMED_OUT else inner)

    def _on_error(self, error: KafkaError) -> None:
        self._last = error


def _noted(consumer: Consumer) -> int:
    """The greatest seq that the group of *consumer* has noted, -1 if none.

    An AdminClient would know without being told topics, but crashes where a broker is not the group's yet.
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
            time.sleep(_SLICE)
        else:
            return max((at.offset - 1 for at in places if at.offset >= 0), default=-1)


def _flush(producer: Producer, patience: float, stalled: Callable[[], None]) -> None:
    """Return once all is acknowledged, or has failed; *stalled* is called each *patience* seconds without any news."""
    left, waited = len(producer), 0.0
    while now := producer.flush(_SLICE):
        left, waited = now, 0.0 if now < left else waited + _SLICE
        if waited >= patience:
            waited = 0.0
            stalled()


def _produce(producer: Producer, record: Record, failed: dict[int, KafkaError]) -> None:
    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None and error.code() not in _PURGED:
            failed[record.seq] = error

    while True:
        try:
            producer.produce(record.topic, record.value, record.key, on_delivery=delivered)
        except BufferError:  # as many as module.yaml allows are under way
            producer.poll(_SLICE)
        except KafkaException as error:
            failed[record.seq] = error.args[0]
            return
        else:
            return


def _let_go(producer: Producer) -> None:
    """Give up on what *producer* has under way, and have it end beside everything else: it may take for ever."""
    threading.Thread(target=_end, args=(producer,), daemon=True, name="statefun-actors Kafka egress, ending").start()


def _end(producer: Producer) -> None:
    producer.purge()
    producer.flush(_ANSWER)
    # Here the last reference to it goes.


def _reason(address: str, error: KafkaError | None) -> str:
    if error is None or error.code() in {ALL_BROKERS_DOWN, TRANSPORT, TIMED_OUT}:
        return f"no broker of {address} can be reached"
    return error.str()
