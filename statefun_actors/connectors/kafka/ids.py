"""Ids of topics: a topic that is deleted and recreated has a new one (KIP-516, brokers since 2.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any as Untyped
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from statefun_actors.connectors.kafka.properties import admin_client
from statefun_actors.connectors.kafka.start import NoTopicError
from statefun_actors.deploy import KafkaIngress

_SECONDS: Final = 5.0
"""Timeout of a request, in seconds."""
_NONE: Final = "AAAAAAAAAAAAAAAAAAAAAA"
"""The id that older brokers return."""


class TopicIds:
    """Looks up the ids of topics, with an AdminClient that is created at the first lookup.

    An AdminClient can crash the process when it requests the coordinator of a group and that is down. Any broker
    answers these lookups, and they are sent only after a broker has answered the consumer.

    Raises:
        BadPropertyError: the client refuses the properties of *ingress*.
    """

    def __init__(self, component: str, ingress: KafkaIngress) -> None:
        self._component, self._address = component, ingress.address
        self._written = ingress.properties
        self._admin: AdminClient | None = None

    def of(self, topics: Sequence[str]) -> Mapping[str, str]:
        """The id of each of *topics* that has one.

        Raises:
            NoTopicError: a topic does not exist.
            KafkaException: no broker answers, or access is denied. A retry can help.
        """
        if self._admin is None:
            self._admin = admin_client(self._component, self._address, self._written)
        return ids_of(self._admin, topics)


def ids_of(admin: AdminClient, topics: Sequence[str]) -> Mapping[str, str]:
    """The id of each of *topics* that has one. Raises as :meth:`TopicIds.of` does."""
    asked = admin.describe_topics(TopicCollection(list(topics)), request_timeout=_SECONDS)
    found = {topic: _id(topic, answer) for topic, answer in asked.items()}
    return {topic: id for topic, id in found.items() if id != _NONE}


def _id(topic: str, answer: Future[Untyped]) -> str:
    try:
        return str(answer.result(2 * _SECONDS).topic_id)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise NoTopicError(f"there is no topic {topic!r}") from error
        raise
