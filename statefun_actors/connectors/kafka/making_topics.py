"""Makes a topic that is not there yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from statefun_actors.connectors.kafka.properties import client, connecting

_SECONDS: Final = 5.0
_BROKERS_DEFAULT: Final = -1


def make_topic(component: str, address: str, written: Mapping[str, str], topic: str, config: Mapping[str, str]) -> bool:
    """Make *topic* with *config*, and as many partitions as the brokers' default. Blocks.

    Returns:
        Whether no further attempt is needed: it is there, or may not be made by this client.
    """
    own = {"bootstrap.servers": address, "log_level": 0, "error_cb": _ignore}
    admin = client(component, AdminClient, own, connecting(written))
    wanted = NewTopic(topic, _BROKERS_DEFAULT, _BROKERS_DEFAULT, config=dict(config))
    made = admin.create_topics([wanted], operation_timeout=_SECONDS, request_timeout=_SECONDS)[topic]
    try:
        made.result(2 * _SECONDS)
    except KafkaException as error:
        code = error.args[0].code()
        return code in {KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.TOPIC_AUTHORIZATION_FAILED}
    except TimeoutError:
        return False
    return True


def _ignore(_: object) -> None:
    """Ignore an error: the readers and writers report it, too."""
