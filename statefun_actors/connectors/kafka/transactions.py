"""Writes records with a producer: acknowledged ones, or in transactions that include the position of the egress.

All calls block, and run in a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import attrs
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from statefun_actors.connectors.kafka.complaints import ALL_BROKERS_DOWN, TIMED_OUT, TRANSPORT
from statefun_actors.connectors.kafka.deadline import within
from statefun_actors.connectors.kafka.errors import EgressDownError
from statefun_actors.connectors.kafka.producers import NeverEnded, let_go, name_of, producer
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.connectors.kafka.record_errors import unsendable, why_no_topic
from statefun_actors.deploy import KafkaEgress
from statefun_actors.engine import Lineage

_ANSWER: Final = 10.0
"""Timeout of requests, in seconds."""
_UNDONE: Final = 3.0
"""Timeout of an abort; after it, a new client does it."""
_never_ended: Final = NeverEnded(4)
_PATIENCE: Final = 5.0
"""Seconds without an acknowledgement before a warning."""
_SLICE: Final = 0.2
_LIST_SECONDS: Final = 2.0
"""Timeout of a request for the list of topics, in seconds."""
_PURGED: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - its Python names
_SOON: Final = frozenset({
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
})  # fmt: skip
"""Errors of a broker that is starting."""


@attrs.frozen
class Record:
    """A record to write."""

    seq: int
    topic: str
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class TransactionWriter(Protocol):
    """A producer."""

    atomic: bool
    """Whether a batch is atomic: if one record fails, none is written."""
    through: int
    """All records up to this seq are written already; -1: unknown."""
    foreign: int
    """The greatest seq of a record that is written, but not known to this store; 0: there is none."""

    def write(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        """Write *records*; return the errors of those that failed by themselves, by seq.

        Raises:
            EgressDownError: this writer can't continue; a new one may.
        """
        ...

    def close(self) -> None:
        """Abandon writes in progress. Callable in any thread."""
        ...


class Acknowledged:
    """Writes each record at least once, those of one partition in order.

    *waiting* is called, in the thread, with the reason of a stall.
    """

    atomic = False
    through = -1
    foreign = 0

    def __init__(self, egress: KafkaEgress, waiting: Callable[[str], None]) -> None:
        self._address, self._waiting = egress.address, waiting
        self._last: KafkaError | None = None
        self._producer = producer(egress, None, self._on_error)

    def write(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        failed: dict[int, KafkaError] = {}
        self._last = None
        for record in records:
            _produce(self._producer, record, failed)
        _flush(
            self._producer,
            _PATIENCE,
            lambda: self._waiting(_why_stalled(self._producer, records, self._address, self._last)),
        )
        return failed

    def close(self) -> None:
        given_up = self._producer
        del self._producer
        let_go(given_up)

    def _on_error(self, error: KafkaError) -> None:
        self._last = error


class Transactions:
    """Writes each record exactly once for readers of committed records.

    A transaction also commits the position of the egress: as an offset of the consumer group *id*, which only this
    egress uses, at partition 0 of each written topic. After a failure, the next writer with the same *id* fences this
    one, and reads from that offset whether the last transaction was committed.

    The offset's metadata is the lineage of the store. If the store is a restored backup, what was committed since the
    backup was made is of another history: it does not count as written.

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
        shared = [(seq, lineage.shared_with(seq, before)) for seq, before in noted]
        self.through = max((known or 0 for _, known in shared), default=-1)
        beyond = [seq for seq, known in shared if known is not None and self.through <= known < seq]
        self.foreign = max(beyond, default=0)

    def write(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        try:
            return self._written(records)
        except EgressDownError:
            _never_ended.keep(self._producer)
            raise

    def _written(self, records: Sequence[Record]) -> Mapping[int, KafkaError]:
        failed: dict[int, KafkaError] = {}
        try:
            self._producer.begin_transaction()
            for record in records:
                _produce(self._producer, record, failed)
            _flush(self._producer, _ANSWER, lambda: self._stalled(records))
            if failed:
                self._undo()
                return failed
            topics = {each.topic for each in records}
            self._note([TopicPartition(topic, 0, records[-1].seq + 1, self._lineage) for topic in topics])
            self._producer.commit_transaction(_ANSWER)
        except KafkaException as error:
            raise EgressDownError(self._why(error)) from error
        return {}

    def _note(self, places: Sequence[TopicPartition]) -> None:
        """Add the position of the egress to the transaction.

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
        raise EgressDownError(_why_stalled(self._producer, records, self._address, self._last))

    def _why(self, error: KafkaException) -> str:
        inner = error.args[0]
        return _reason(self._address, self._last if inner.code() == TIMED_OUT else inner)

    def _on_error(self, error: KafkaError) -> None:
        self._last = error


def _noted(consumer: Consumer) -> list[tuple[int, Lineage]]:
    """By topic, the greatest seq that is committed in the group of *consumer*, and the lineage of the store then.

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
            time.sleep(_SLICE)
        else:
            return [(at.offset - 1, Lineage.read(at.metadata)) for at in places if at.offset >= 0]


def _flush(producer: Producer, patience: float, stalled: Callable[[], None]) -> None:
    """Wait until all records are acknowledged or have failed; call *stalled* each *patience* s without progress."""
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
            producer.produce(
                record.topic, record.value, record.key, on_delivery=delivered, headers=list(record.headers)
            )
        except BufferError:  # the queue, whose size module.yaml sets, is full
            producer.poll(_SLICE)
        except KafkaException as error:
            failed[record.seq] = error.args[0]
            return
        except (ValueError, TypeError) as error:  # something in it has no form in C
            failed[record.seq] = unsendable(error)
            return
        else:
            return


def _why_stalled(producer: Producer, records: Sequence[Record], address: str, error: KafkaError | None) -> str:
    """The reason why *records* are not acknowledged. A topic may be missing that the client still waits for."""
    try:
        there = producer.list_topics(timeout=_LIST_SECONDS).topics
    except KafkaException:
        return _reason(address, error)
    missing = next((record.topic for record in records if record.topic not in there), None)
    return _reason(address, error) if missing is None else why_no_topic(missing)


def _reason(address: str, error: KafkaError | None) -> str:
    if error is None or error.code() in {ALL_BROKERS_DOWN, TRANSPORT, TIMED_OUT}:
        return f"no broker of {address} can be reached"
    return error.str()
