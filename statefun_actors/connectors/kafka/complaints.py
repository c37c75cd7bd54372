"""What is wrong with brokers, told once, and again only after it has been right."""

from __future__ import annotations

import logging
from typing import Final

from confluent_kafka import KafkaError, KafkaException

logger: Final = logging.getLogger("statefun_actors.kafka")

# Errors of the client's own, which it names in Python as if they were private.
ALL_BROKERS_DOWN: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
AUTO_OFFSET_RESET: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001
TIMED_OUT: Final = KafkaError._TIMED_OUT  # noqa: SLF001
TRANSPORT: Final = KafkaError._TRANSPORT  # noqa: SLF001
UNKNOWN_PARTITION: Final = KafkaError._UNKNOWN_PARTITION  # noqa: SLF001
UNKNOWN_TOPIC: Final = KafkaError._UNKNOWN_TOPIC  # noqa: SLF001


class Complaints:
    """Those of *component*, whose brokers are at *address*."""

    def __init__(self, component: str, address: str) -> None:
        self._component, self._address = component, address
        self._told: set[str] = set()

    def tell(self, text: str) -> None:
        """Log *text*, unless that has been done."""
        if text not in self._told:
            self._told.add(text)
            logger.warning("%s: %s", self._component, text)

    def forget(self) -> None:
        """All is right again."""
        self._told.clear()

    def failed(self, error: KafkaException) -> None:
        """A call of the client has failed, and will be tried again."""
        inner = error.args[0]
        if inner.code() in {ALL_BROKERS_DOWN, TRANSPORT, TIMED_OUT}:
            self._unreachable()
        else:
            self.tell(f"{inner.str()}; trying on")

    def error(self, error: KafkaError) -> None:
        """What the client says by itself: its ``error_cb``."""
        if error.code() == ALL_BROKERS_DOWN:
            self._unreachable()
        elif error.code() not in {TRANSPORT, TIMED_OUT}:  # one connection; the client makes another
            self.tell(f"{error.str()}; trying on")

    def _unreachable(self) -> None:
        self.tell(f"no broker of {self._address} can be reached; trying on")
