"""Which topic has a name: one that is deleted and created again has another id (KIP-516, brokers since 2.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any as Untyped
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from statefun_actors.connectors.kafka.properties import client
from statefun_actors.connectors.kafka.start import NoTopicError
from statefun_actors.deploy import KafkaIngress

_SECONDS: Final = 5.0
"""How long a broker may take to answer."""
_NONE: Final = "AAAAAAAAAAAAAAAAAAAAAA"
"""What older brokers give in place of an id."""
_CONNECTING: Final = ("sasl.", "ssl.", "security.", "client.", "socket.", "reconnect.", "broker.", "metadata.")
"""How the names of properties begin that an AdminClient needs; the others are a consumer's."""


class TopicIds:
    """Asks for the ids of topics, by an AdminClient that is made when it first asks.

    An AdminClient can crash the process when it asks for a group's coordinator that is away. What is asked here is
    answered by any broker, and is asked only after one has answered the consumer.

    Raises:
        BadPropertyError: the properties of *ingress* make no client.
    """

    def __init__(self, component: str, ingress: KafkaIngress) -> None:
        self._component, self._address = component, ingress.address
        self._written = {name: value for name, value in ingress.properties.items() if name.startswith(_CONNECTING)}
        self._admin: AdminClient | None = None

    def of(self, topics: Sequence[str]) -> Mapping[str, str]:
        """The id of each of *topics* that has one.

        Raises:
            NoTopicError: a topic is not there.
            KafkaException: no broker answers, or does not allow it. A retry can help.
        """
        if self._admin is None:
            own = {"bootstrap.servers": self._address, "log_level": 0, "error_cb": _ignore}
            self._admin = client(self._component, AdminClient, own, self._written)
        asked = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=_SECONDS)
        found = {topic: _id(topic, answer) for topic, answer in asked.items()}
        return {topic: id for topic, id in found.items() if id != _NONE}


def _id(topic: str, answer: Future[Untyped]) -> str:
    try:
        return str(answer.result(2 * _SECONDS).topic_id)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise NoTopicError(f"there is no topic {topic!r}") from error
        raise


def _ignore(_: object) -> None:
    """The consumer says the same."""
