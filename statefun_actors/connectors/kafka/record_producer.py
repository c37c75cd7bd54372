"""Produces single records, each with a callback on the event loop. Nothing here blocks that loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias

import attrs
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from statefun_actors.connectors.kafka.complaints import MESSAGE_TIMED_OUT, Complaints
from statefun_actors.connectors.kafka.producers import PRODUCER_DEFAULTS
from statefun_actors.connectors.kafka.properties import client, connecting
from statefun_actors.connectors.kafka.transactions import no_topic, refused_permanently

_SECONDS: Final = 10.0
"""The time in which brokers must take a record."""
_POLL: Final = 0.5
_LAST: Final = 5.0
"""Timeout of the records that are under way at the end, in seconds."""


class Fault(Enum):
    """What is known of a record that was not acknowledged."""

    REFUSED = "refused"
    """It is not there, and no retry helps."""
    NOT_TAKEN = "not taken"
    """It is not there; a retry can help."""
    UNKNOWN = "unknown"
    """It may be there."""


@attrs.frozen
class ProducerError:
    """Why a record was not acknowledged; *reason* is one line."""

    fault: Fault
    reason: str


OnProduced: TypeAlias = Callable[[ProducerError | None], None]


class RecordProducer:
    """A producer for the brokers at *address*.

    Args:
        component: its name in logs and errors.
        address: of the brokers.
        written: properties of module.yaml; only those about connections count.

    Raises:
        BadPropertyError: the client refuses a property.
    """

    def __init__(self, component: str, address: str, written: Mapping[str, str]) -> None:
        self._address = address
        self._complaints = Complaints(component, address)
        self.down: str | None = None
        """The reason why the last record was not taken; None if it was, or was refused for its own fault."""
        own = {
            "bootstrap.servers": address,
            "enable.idempotence": True,
            "message.timeout.ms": int(_SECONDS * 1000),
            "error_cb": self._complaints.error,
            "log_level": 0,  # log lines are reported as errors, too
        }
        self._producer = client(component, Producer, own, {**PRODUCER_DEFAULTS, **connecting(written)})
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name=component, daemon=True)

    def start(self) -> None:
        """Begin, on the running event loop, on which all callbacks are called."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def produce(
        self,
        topic: str,
        key: str,
        value: bytes,
        on_produced: OnProduced,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Write a record, and call *on_produced* with None once it is acknowledged, or with the reason why not.

        Records with one key keep their order.
        """

        def delivered(error: KafkaError | None, _: Message) -> None:
            loop = self._loop
            assert loop is not None
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._ended, on_produced, topic, error)

        given: Sequence[tuple[str, bytes]] = [(name, text.encode()) for name, text in (headers or {}).items()]
        try:
            self._producer.produce(topic, value, key.encode(), on_delivery=delivered, headers=list(given))
        except BufferError:
            on_produced(ProducerError(Fault.NOT_TAKEN, "too many records wait for the brokers"))
        except KafkaException as error:
            self._ended(on_produced, topic, error.args[0])

    def close(self) -> None:
        """Wait for records under way, until a timeout. Blocks."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._producer.flush(_LAST)

    def _ended(self, on_produced: OnProduced, topic: str, error: KafkaError | None) -> None:
        if error is None:
            if self.down is not None:
                self._complaints.forget()
            self.down = None
            on_produced(None)
            return
        if refused_permanently(error):
            on_produced(ProducerError(Fault.REFUSED, f"topic {topic}: {KafkaError(error.code()).str()}"))
            return
        if no_topic(error):
            fault, self.down = Fault.NOT_TAKEN, f"there is no topic {topic!r}"
        elif error.code() == MESSAGE_TIMED_OUT:
            fault = Fault.UNKNOWN
            self.down = f"no broker of {self._address} acknowledged it within {_SECONDS:g} s"
        else:
            fault, self.down = Fault.UNKNOWN, f"topic {topic}: {error.str()}"
        on_produced(ProducerError(fault, self.down))

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL)
