"""Reports an ingress's offsets to its consumer group, for monitoring. Its position is kept in the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from statefun_actors.connectors.kafka.complaints import ALL_BROKERS_DOWN, TIMED_OUT, TRANSPORT, Complaints
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.connectors.kafka.start import Offsets
from statefun_actors.deploy import KafkaIngress

_EVERY: Final = 1.0
"""Seconds between two reports."""
_LAST: Final = 3.0
"""Timeout of the last report."""
_AWAY: Final = frozenset({
    ALL_BROKERS_DOWN, TIMED_OUT, TRANSPORT, KafkaError._WAIT_COORD, KafkaError.REQUEST_TIMED_OUT,  # noqa: SLF001 - its Python name
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
})  # fmt: skip
"""The group's broker is down; the reading thread logs that."""


class GroupNotes:
    """Commits offsets to the group of *ingress*, if it has one.

    It has its own thread and consumer, which may wait until brokers are back. An AdminClient would not wait so long,
    but crashes the process if they come back later: https://github.com/confluentinc/librdkafka/issues/4605
    """

    def __init__(
        self, component: str, ingress: KafkaIngress, written: Mapping[str, str], complaints: Complaints
    ) -> None:
        self._group, self._complaints = ingress.group, complaints
        self._changed = threading.Condition()
        self._wanted: Offsets = {}
        self._noted: Offsets = {}
        self._due = 0.0
        self._ending = self._last_tried = False
        self._thread: threading.Thread | None = None
        if self._group is not None:
            own = {"bootstrap.servers": ingress.address, "group.id": self._group, "enable.auto.commit": False}
            consumer = client(component, Consumer, {**own, "log_level": 0}, written)
            self._thread = threading.Thread(target=self._run, args=(consumer,), name=f"{component}, group", daemon=True)

    def note(self, offsets: Offsets) -> None:
        """Schedule a report of *offsets*."""
        if self._thread is None or offsets == self._wanted:
            return
        with self._changed:
            if self._wanted == self._noted:
                self._changed.notify_all()
            self._wanted = offsets
        if not self._thread.is_alive() and not self._ending:
            self._thread.start()

    def note_last(self, offsets: Offsets) -> None:
        """The last report, at the end: wait for it until its timeout."""
        self.note(offsets)
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(_LAST)

    # --- the thread

    def _run(self, consumer: Consumer) -> None:
        while (offsets := self._next()) is not None:
            places = [TopicPartition(*at, offset) for at, offset in offsets.items()]
            try:
                answer = consumer.commit(offsets=places, asynchronous=False) or []
                failed = next((at.error for at in answer if at.error is not None), None)
            except KafkaException as error:
                failed = error.args[0]
            if failed is None:
                self._noted = offsets
            elif failed.code() not in _AWAY:
                self._complaints.warn(
                    f"its offsets can't be committed to the group {self._group}: "
                    f"{KafkaError(failed.code()).str()}. "
                    "Its position is in the store, so no record is read twice or skipped"
                )
        consumer.close()

    def _next(self) -> Offsets | None:
        """Wait for the next offsets to report, at least _EVERY after the last, except at the end; None: the end."""
        with self._changed:
            while not self._ending:
                if self._wanted == self._noted:
                    self._changed.wait()
                elif (left := self._due - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    break
            if self._last_tried or self._wanted == self._noted:
                return None
            self._last_tried = self._ending
            self._due = time.monotonic() + _EVERY
            return self._wanted
