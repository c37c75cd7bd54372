"""What the consumer group is for: there others see how far an ingress has come. What counts is what its store knows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from statefun_actors.deploy import KafkaIngress
from statefun_actors.kafka.complaints import Complaints
from statefun_actors.kafka.properties import client
from statefun_actors.kafka.start import Offsets

_EVERY: Final = 1.0
"""Seconds between two notes."""
_LAST: Final = 3.0
"""Seconds that the last one may take."""
_ANSWER: Final = 10.0
"""Seconds that a broker has to answer."""


class Notes:
    """Tells the group of *ingress*, if it has one, from the thread that reads.

    A client of its own does it: a consumer with a note that nobody takes would not end before somebody does.
    """

    def __init__(
        self, component: str, ingress: KafkaIngress, written: Mapping[str, str], complaints: Complaints
    ) -> None:
        self._group, self._complaints = ingress.group, complaints
        self._noted: Offsets = {}
        self._next = 0.0
        self._asked: Future[ConsumerGroupTopicPartitions] | None = None
        own = {"bootstrap.servers": ingress.address, "log_level": 0}
        self._client = client(component, AdminClient, own, written) if self._group is not None else None

    def note(self, offsets: Offsets) -> None:
        """Have *offsets* noted, if there is something new in them, and the last note is a while ago and answered."""
        if self._asked is not None and self._asked.done():
            self._answered(self._asked)
            self._asked = None
        if self._client is None or self._group is None or self._asked is not None or offsets == self._noted:
            return
        if (now := time.monotonic()) >= self._next:
            self._next = now + _EVERY
            self._noted = offsets
            places = [TopicPartition(*at, offset) for at, offset in offsets.items()]
            asked = [ConsumerGroupTopicPartitions(self._group, places)]
            (self._asked,) = self._client.alter_consumer_group_offsets(asked, request_timeout=_ANSWER).values()

    def note_last(self, offsets: Offsets) -> None:
        """Before the end: wait until it is noted, if that can be."""
        end = time.monotonic() + _LAST
        for _ in range(2):  # the one under way, and the last one
            if self._asked is not None:
                wait([self._asked], max(0.0, end - time.monotonic()))
            self._next = 0.0
            self.note(offsets)

    def _answered(self, answer: Future[ConsumerGroupTopicPartitions]) -> None:
        try:
            failed = next((at.error for at in answer.result().topic_partitions or () if at.error is not None), None)
        except KafkaException as error:
            failed = error.args[0]
        if failed is not None:
            self._complaints.tell(
                f"how far it has come can't be noted in the group {self._group}: {failed.str()}. "
                "Its place is kept in the store, so nothing is read twice or passed over"
            )
