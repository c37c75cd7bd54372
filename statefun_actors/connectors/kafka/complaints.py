"""Warnings about brokers: each is logged once, and again only after a recovery."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.kafka")

# The client's own errors, whose Python names look private.
ALL_BROKERS_DOWN: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
AUTO_OFFSET_RESET: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
MESSAGE_TIMED_OUT: Final = KafkaError._MSG_TIMED_OUT  # noqa: SLF001
PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001
TIMED_OUT: Final = KafkaError._TIMED_OUT  # noqa: SLF001
TRANSPORT: Final = KafkaError._TRANSPORT  # noqa: SLF001
UNKNOWN_PARTITION: Final = KafkaError._UNKNOWN_PARTITION  # noqa: SLF001
UNKNOWN_TOPIC: Final = KafkaError._UNKNOWN_TOPIC  # noqa: SLF001


class Complaints:
    """The warnings of *component*, whose brokers are at *address*."""

    def __init__(self, component: str, address: str) -> None:
        self._component, self._address = component, address
        self._logged: set[str] = set()

    def warn(self, text: str) -> None:
        """Log *text*, unless it was logged since the last recovery."""
        if text not in self._logged:
            self._logged.add(text)
            logger.warning("%s: %s", self._component, text)

    def forget(self) -> None:
        """Note a recovery."""
        self._logged.clear()

    def failed(self, error: KafkaException) -> None:
        """Warn about a failed call of the client, which will be retried."""
        inner = error.args[0]
        if inner.code() in {ALL_BROKERS_DOWN, TRANSPORT, TIMED_OUT}:
            self._unreachable()
        else:
            self.warn(f"{inner.str()}; retrying")

    def error(self, error: KafkaError) -> None:
        """The client's ``error_cb``."""
        if error.code() == ALL_BROKERS_DOWN:
            self._unreachable()
        elif error.code() not in {TRANSPORT, TIMED_OUT}:  # one connection; the client opens another
            self.warn(f"{error.str()}; retrying")

    def _unreachable(self) -> None:
        self.warn(f"no broker of {self._address} can be reached; retrying")
