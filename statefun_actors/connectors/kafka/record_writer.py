"""Writes records with a producer, each acknowledged; and what all writers share.

All calls block, and run in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

import attrs
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from statefun_actors.connectors.kafka.complaints import ALL_BROKERS_DOWN, TIMED_OUT, TRANSPORT
from statefun_actors.connectors.kafka.producers import let_go, producer
from statefun_actors.connectors.kafka.record_errors import no_topic, unsendable, why_no_topic
from statefun_actors.deploy import KafkaEgress

_PATIENCE: Final = 5.0
"""Seconds without an acknowledgement before a warning."""
_SLICE: Final = 0.2
_LIST_SECONDS: Final = 2.0
"""Timeout of a request for the list of topics, in seconds."""
_PURGED: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - its Python names


@attrs.frozen
class Record:
    """A record to write."""

    seq: int
    topic: str
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class RecordWriter(Protocol):
    """Writes records with a producer."""

    atomic: bool
    """Whether a batch is atomic: if one record fails, none is written."""
    foreign: int
    """The greatest seq of a record that is written, but not known to this store; 0: there is none."""

    def has(self, record: Record) -> bool:
        """Whether *record* was written already, by an earlier writer."""
        ...

    def missing(self, topics: Iterable[str], by_name: AbstractSet[str]) -> set[str]:
        """Those of *topics* that don't exist, as far as brokers answer.

        Brokers that create topics themselves create those that are asked for *by_name*.
        """
        ...

    def write(self, records: Sequence[Record], through: int) -> Mapping[int, KafkaError]:
        """Write *records*; return the errors of those that failed by themselves, by seq.

        Once they are written, all records of the egress up to the seq *through* are.

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
    foreign = 0

    def __init__(self, egress: KafkaEgress, waiting: Callable[[str], None]) -> None:
        self._address, self._waiting = egress.address, waiting
        self._last: KafkaError | None = None
        self._producer = producer(egress, None, self._on_error)

    def has(self, record: Record) -> bool:  # noqa: ARG002 - of the protocol
        return False

    def missing(self, topics: Iterable[str], by_name: AbstractSet[str]) -> set[str]:
        return missing_topics(self._producer, topics, by_name)

    def write(self, records: Sequence[Record], through: int) -> Mapping[int, KafkaError]:  # noqa: ARG002 - of the protocol
        failed: dict[int, KafkaError] = {}
        self._last = None
        for record in records:
            produce(self._producer, record, failed)
        flush(
            self._producer,
            _PATIENCE,
            lambda: self._waiting(why_stalled(self._producer, records, self._address, self._last)),
        )
        return failed

    def close(self) -> None:
        given_up = self._producer
        del self._producer
        let_go(given_up)

    def _on_error(self, error: KafkaError) -> None:
        self._last = error


def flush(producer: Producer, patience: float, stalled: Callable[[], None]) -> None:
    """Wait until all records are acknowledged or have failed; call *stalled* each *patience* s without progress."""
    left, waited = len(producer), 0.0
    while now := producer.flush(_SLICE):
        left, waited = now, 0.0 if now < left else waited + _SLICE
        if waited >= patience:
            waited = 0.0
            stalled()


def produce(producer: Producer, record: Record, failed: dict[int, KafkaError]) -> None:
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


def why_stalled(producer: Producer, records: Sequence[Record], address: str, error: KafkaError | None) -> str:
    """The reason why *records* are not acknowledged. A topic may be missing that the client still waits for."""
    try:
        there = producer.list_topics(timeout=_LIST_SECONDS).topics
    except KafkaException:
        return why_down(address, error)
    missing = next((record.topic for record in records if record.topic not in there), None)
    return why_down(address, error) if missing is None else why_no_topic(missing)


def why_down(address: str, error: KafkaError | None) -> str:
    if error is None or error.code() in {ALL_BROKERS_DOWN, TRANSPORT, TIMED_OUT}:
        return f"no broker of {address} can be reached"
    return error.str()


def missing_topics(producer: Producer, topics: Iterable[str], by_name: AbstractSet[str]) -> set[str]:
    """See :meth:`RecordWriter.missing`."""
    try:
        there = producer.list_topics(timeout=_LIST_SECONDS).topics
        missing = {topic for topic in topics if topic not in there}
        found = [producer.list_topics(topic, timeout=_LIST_SECONDS).topics[topic] for topic in missing & by_name]
    except KafkaException:
        return set()
    return missing - {topic.topic for topic in found if topic.error is None or not no_topic(topic.error)}
