"""The Kafka clusters behind a module.yaml. A savepoint has positions and transactions of theirs, and of no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from statefun_actors.deploy.components import KafkaEgress, KafkaIngress, Module


@attrs.frozen
class OtherBrokers:
    """An ingress or egress whose brokers belong to another cluster now; ``now`` is None for a broker without a log."""

    component: KafkaIngress | KafkaEgress
    before: str
    now: str | None

    def __str__(self) -> str:
        cluster = f"the Kafka cluster {self.now}" if self.now is not None else "a new Kafka cluster"
        if isinstance(self.component, KafkaEgress):
            return (
                f"the egress {self.component.id} wrote to the Kafka cluster {self.before} and would write to {cluster} "
                "now, which does not know its transactions: Flink would fail the job at each start."
            )
        return (
            f"the ingress {self.component.id} read from the Kafka cluster {self.before} and would read from {cluster} "
            "now, where its positions belong to other records: some would be skipped."
        )


def kafka_component_name(component: KafkaIngress | KafkaEgress) -> str:
    """The name of *component* in :func:`other_brokers`."""
    return f"{'egress' if isinstance(component, KafkaEgress) else 'ingress'} {component.id}"


def other_brokers(before: Mapping[str, str], now: Mapping[str, str | None], module: Module) -> Sequence[OtherBrokers]:
    """The ingresses, and the exactly-once egresses, of *module* that can't resume.

    *before* and *now* are the ids of clusters, by :func:`kafka_component_name`; those that are unknown are missing.
    """
    found = []
    for component in _bound(module):
        name = kafka_component_name(component)
        if name in before and name in now and before[name] != now[name]:
            found.append(OtherBrokers(component, before[name], now[name]))
    return found


def unknown_clusters(before: Mapping[str, str], now: Mapping[str, str | None], module: Module) -> Sequence[str]:
    """The names of the components that :func:`other_brokers` can't compare, since only their id *before* is known."""
    names = map(kafka_component_name, _bound(module))
    return [name for name in names if name in before and name not in now]


def _bound(module: Module) -> list[KafkaIngress | KafkaEgress]:
    """The components whose part of a state is of one cluster: its positions, or its transactions."""
    return [
        *module.kafka_ingresses,
        *(egress for egress in module.kafka_egresses if egress.delivery == "exactly-once"),
    ]
