"""What causes of failures of a job mean that Flink names without the place or the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from statefun_actors.cli.extras import has_kafka_client

if TYPE_CHECKING:
    from statefun_actors.deploy import Module

_NO_KEY: Final = "requires a UTF-8 key set for each record"
_UNKNOWN_TRANSACTIONS: Final = "InvalidPidMappingException"


def explanation(cause: str, module: Module) -> str | None:
    """The meaning of *cause*, a text of Flink, for a job of *module*; None if there is nothing to add.

    It may ask the brokers, for some seconds.
    """
    if _NO_KEY in cause:
        return (
            f"A Kafka record has no key, in which StateFun finds the id: {_keyless(module)}. The job fails at it each "
            "time. Write records with keys; run --module keeps one without in statefun-actors/bad-records."
        )
    if _UNKNOWN_TRANSACTIONS in cause:
        return (
            "The brokers do not know the transactions in the state: they belong to another Kafka cluster, or the state "
            "is older than transactional.id.expiration.ms of the brokers, 7 days by default. The job fails at each "
            "start."
        )
    return None


def _keyless(module: Module) -> str:
    if has_kafka_client():
        from statefun_actors.connectors.kafka import keyless_record

        for ingress in module.kafka_ingresses:
            if (place := keyless_record(ingress)) is not None:
                return str(place)
    topics = sorted({topic.topic for ingress in module.kafka_ingresses for topic in ingress.topics})
    return f"it is in one of {', '.join(topics)}"
