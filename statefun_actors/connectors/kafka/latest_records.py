"""Reads the records that are written to a topic from now on, without a store: each goes to a callback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from statefun_actors.connectors.kafka.consumer import ReaderOptions, TopicReader
from statefun_actors.connectors.kafka.properties import connecting
from statefun_actors.connectors.kafka.start import TopicOffset
from statefun_actors.deploy import KafkaIngress

if TYPE_CHECKING:
    from confluent_kafka import Message

_LOOK_EVERY: Final = 5.0
"""Seconds between two checks for new partitions."""
_MOST: Final = 1_000


class LatestRecords:
    """Reads all partitions of *topic*, those of transactions once they are committed.

    Args:
        id: its name in logs and errors.
        address: of the brokers.
        written: properties of module.yaml; only those about connections count.
        topic: the topic. While it is missing, it is waited for.
        on_record: called with each record, on the event loop.

    Raises:
        BadPropertyError: the client refuses a property.
    """

    def __init__(
        self, id: str, address: str, written: Mapping[str, str], topic: str, on_record: Callable[[Message], None]
    ) -> None:
        ingress = KafkaIngress(id=id, address=address, startup="latest", topics=[], properties=connecting(written))
        self._reader = TopicReader(ingress, [topic], self._wake, ReaderOptions(look_every=_LOOK_EVERY))
        self._on_record = on_record
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def reading(self) -> bool:
        """Whether every record that is written from now on will be read."""
        return self._reader.reading

    @property
    def started(self) -> bool:
        """Whether :meth:`start` was called."""
        return self._loop is not None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._reader.begin(TopicOffset())

    def close(self) -> None:
        """Disconnect. Blocks."""
        self._reader.close()

    def _wake(self) -> None:
        loop = self._loop
        assert loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        if self._reader.bug is not None:
            raise self._reader.bug
        loop, more = asyncio.get_running_loop(), True
        while more:
            records, begun = self._reader.buffer.take(_MOST)
            for record in records:
                loop.call_soon(self._on_record, record)  # the others come even if one raises
            more = bool(records or begun)
