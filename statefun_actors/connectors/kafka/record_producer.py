"""Produces single records, each with a callback on the event loop. Nothing here blocks that loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Final, TypeAlias

import attrs
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from statefun_actors.connectors.kafka.complaints import ALL_BROKERS_DOWN, MESSAGE_TIMED_OUT, Complaints
from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.connectors.kafka.producers import PRODUCER_DEFAULTS, let_go
from statefun_actors.connectors.kafka.properties import client, connecting
from statefun_actors.connectors.kafka.record_errors import no_topic, refused_permanently

_SECONDS: Final = 10.0
"""The time in which brokers must take a record."""
_TOPIC_SECONDS: Final = 5.0
"""Seconds after which a topic that brokers don't know is missing. The client's default is longer than _SECONDS."""
_POLL: Final = 0.5
_ASK_EVERY: Final = 1.0
"""Seconds between two questions to brokers that don't take records, and the timeout of one."""
_LARGEST: Final = 32_000_000
"""Bytes of the largest record that the client passes on. Brokers decide: theirs may take more than its own default."""
_LAST: Final = 2.0
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
        topic: one that it will write to.

    Raises:
        BadPropertyError: the client refuses a property.
    """

    def __init__(self, component: str, address: str, written: Mapping[str, str], topic: str) -> None:
        self._address = address
        self._complaints = Complaints(component, address)
        self.down: str | None = f"no broker of {address} has answered yet"
        """Why records can't be written, until one is, or brokers answer; None if they can."""
        self._topic = topic
        """The one that was written to last."""
        self._ask_at = 0.0
        self._in_doubt = False
        """Whether the client has lost its connections, so that brokers must be asked."""
        own = {
            "bootstrap.servers": address,
            "enable.idempotence": True,
            "message.timeout.ms": int(_SECONDS * 1000),
            "message.max.bytes": _LARGEST,
            "topic.metadata.propagation.max.ms": int(_TOPIC_SECONDS * 1000),
            "error_cb": self._on_error,
            "log_level": 0,  # log lines are reported as errors, too
        }
        self._new = partial(client, component, Producer, own, {**PRODUCER_DEFAULTS, **connecting(written)})
        self._producer = self._new()
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

        self._topic = topic
        given: Sequence[tuple[str, bytes]] = [(name, text.encode()) for name, text in (headers or {}).items()]
        try:
            self._producer.produce(topic, value, key.encode(), on_delivery=delivered, headers=list(given))
        except BufferError:
            on_produced(ProducerError(Fault.NOT_TAKEN, "too many records wait for the brokers"))
        except KafkaException as error:
            self._failed(on_produced, topic, error.args[0], Fault.NOT_TAKEN)

    def close(self) -> None:
        """Wait for records under way, until a timeout. Blocks."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        with contextlib.suppress(KafkaException):  # a fatal error
            self._producer.flush(_LAST)

    def _ended(self, on_produced: OnProduced, topic: str, error: KafkaError | None) -> None:
        if error is None:
            self._recovered()
            on_produced(None)
            return
        self._failed(on_produced, topic, error, Fault.UNKNOWN)

    def _failed(self, on_produced: OnProduced, topic: str, error: KafkaError, fault: Fault) -> None:
        """Tell the reason. *fault*: what is known of the record if *error* does not say."""
        reason = f"topic {topic}: {KafkaError(error.code()).str()}"
        if refused_permanently(error):
            fault = Fault.REFUSED
        elif no_topic(error):
            fault, reason = Fault.NOT_TAKEN, f"there is no topic {topic!r}"
            self._complaints.warn(reason)
        elif error.code() == MESSAGE_TIMED_OUT:
            reason = f"no broker of {self._address} acknowledged it within {_SECONDS:g} s"
            self._down(reason)
        on_produced(ProducerError(fault, reason))

    def _down(self, reason: str) -> None:
        self._ask_at, self.down = time.monotonic() + _ASK_EVERY, reason

    def _recovered(self) -> None:
        if self.down is not None:
            self.down = None
            self._complaints.forget()

    # --- the thread

    def _poll(self) -> None:
        while not self._closing.is_set():
            try:
                self._producer.poll(_POLL)
            except KafkaException as error:
                self._begin_again(error.args[0])
            else:
                if self._in_doubt or (self.down is not None and time.monotonic() >= self._ask_at):
                    self._ask()

    def _on_error(self, error: KafkaError) -> None:
        """The client's ``error_cb``, which it calls while it is polled."""
        self._complaints.error(error)
        if error.code() == ALL_BROKERS_DOWN:
            self._in_doubt = True

    def _begin_again(self, error: KafkaError) -> None:
        """Replace the producer after a fatal *error*: it takes nothing any more."""
        self._complaints.warn(f"{error.str()}; a new producer continues")
        self._down(error.str())
        while not self._replaced() and not self._closing.wait(_ASK_EVERY):
            pass
        self._closing.wait(_ASK_EVERY)  # the new one may fail as well

    def _replaced(self) -> bool:
        """Replace the producer; return whether there is a new one."""
        try:
            given_up, self._producer = self._producer, self._new()
        except BadPropertyError as error:  # such as a file of certificates that has gone
            self._complaints.warn(f"no new producer yet: {error}")
            return False
        let_go(given_up)
        return True

    def _ask(self) -> None:
        """Ask the brokers, since no record tells whether they are there: who is not ready is sent none."""
        self._ask_at, self._in_doubt = time.monotonic() + _ASK_EVERY, False
        try:
            self._producer.list_topics(self._topic, timeout=_ASK_EVERY)
        except KafkaException:
            self.down = self.down or f"no broker of {self._address} can be reached"
        else:
            self._recovered()
