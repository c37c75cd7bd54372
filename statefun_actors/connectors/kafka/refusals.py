"""``Refusals``: the records of a Kafka egress that can never be delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from statefun_actors.connectors.http import REFUSED_RECORDS
from statefun_actors.connectors.kafka.errors import EgressDownError
from statefun_actors.connectors.kafka.record_writer import Record
from statefun_actors.engine import EgressQueue
from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.store import EgressRecord
from statefun_actors.types import JSON_TYPENAME, TOPIC_FORM, is_topic, record_of_typed

_LONGEST_SHOWN: Final = 80
"""Characters of a topic's impossible name that are shown."""


class Refusals:
    """Moves records of *queue* to the egress :data:`~statefun_actors.connectors.http.REFUSED_RECORDS`.

    Args:
        queue: has the records.
        stream: a random id of the store and the egress.
        position: of the sink, which is committed with refusals that have to be durable; None: none have to.
        line: the JSON form of a value.
    """

    def __init__(
        self, queue: EgressQueue, stream: str, position: str | None, line: Callable[[TypedValue], bytes]
    ) -> None:
        self._queue, self._stream, self._position, self._line = queue, stream, position, line
        self._open = False
        """Whether a record was refused since :meth:`durable`."""

    def refuse(self, kept: EgressRecord, reason: str) -> None:
        """Refuse *kept*, for *reason*.

        Raises:
            EgressDownError: it is of the egress of refused records, and there is no other for it.
        """
        if kept.egress == REFUSED_RECORDS:
            raise EgressDownError(reason)
        report = {"egress": kept.egress, "id": f"{self._stream}-{kept.seq}", "reason": reason}
        record = msgspec.Raw(self._line(kept.value))
        value = TypedValue(JSON_TYPENAME, msgspec.json.encode({**report, "record": record}))
        self._queue.done_as(kept, REFUSED_RECORDS, value)
        self._open = True

    async def durable(self) -> None:
        """Wait until all refusals are durable: a later note in Kafka says that the records before it are dealt with.

        Raises:
            EpochLostError: the store failed. A retry can help.
        """
        if self._open and self._position is not None:
            await self._queue.begin(self._position)
        self._open = False


def kafka_form(kept: EgressRecord) -> Record | str:
    """The form of *kept* in Kafka, or the reason why it has none."""
    try:
        sent = record_of_typed(kept.value)
    except ValueError:
        sent = None
    if not isinstance(sent, KafkaRecord) or not sent.topic:
        return "it is no Kafka record with a topic; send kafka_record(...)"
    if not is_topic(sent.topic):
        return f"no topic can have the name {sent.topic[:_LONGEST_SHOWN]!r}: Kafka allows {TOPIC_FORM}"
    key = None if sent.key is None else sent.key.encode()
    headers = [(name, value.encode()) for name, value in (kept.headers or {}).items()]
    return Record(kept.seq, sent.topic, key, sent.value, headers)
