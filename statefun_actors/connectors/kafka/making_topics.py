"""Makes a topic that is not there yet."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.cimpl import NewTopic

from statefun_actors.connectors.kafka.properties import admin_client

_SECONDS: Final = 5.0
_BROKERS_DEFAULT: Final = -1


def make_topic(component: str, address: str, written: Mapping[str, str], topic: str, config: Mapping[str, str]) -> None:
    """Make *topic* with *config*, and as many partitions as the brokers' default, unless it is there. Blocks.

    That the brokers don't answer or refuse it is ignored: who reads the topic finds it missing.

    Raises:
        BadPropertyError: the client refuses *written*.
    """
    admin = admin_client(component, address, written)
    wanted = NewTopic(topic, _BROKERS_DEFAULT, _BROKERS_DEFAULT, config=dict(config))
    made = admin.create_topics([wanted], operation_timeout=_SECONDS, request_timeout=_SECONDS)[topic]
    with contextlib.suppress(KafkaException, TimeoutError):
        made.result(2 * _SECONDS)
