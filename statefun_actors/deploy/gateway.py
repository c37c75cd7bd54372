"""The topics and the egress that `statefun-actors gateway` needs in a module.yaml.

Its messages have a topic for each function type: a record's key is the id, and the type of all records is the
envelope's. A topic for ``statefun-actors/ingress`` is for what needs state or time. Answers go to one topic for all
gateways, over the egress ``statefun-actors/answers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from statefun_actors.asking import ANSWERS, ANSWERS_TOPIC, ORDER, REQUEST
from statefun_actors.deploy.components import (
    Component,
    EndpointComponent,
    KafkaEgress,
    KafkaIngress,
    Module,
    Topic,
    endpoint_of,
)
from statefun_actors.deploy.topic_names import as_kafka_compares, for_a_topic, with_digest
from statefun_actors.model import INGRESS

_LONGEST_BASE: Final = 110
_LONGEST_READABLE: Final = 100
"""Kafka's limit for a name is 249."""
_PLAIN: Final = re.compile(r"(?=.{1,100}\Z)[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")
"""Function types whose names stay different when the slash becomes a dot."""


def is_gateway_topic(topic: Topic) -> bool:
    """Whether only a gateway writes to *topic*."""
    return topic.value_type in {REQUEST, ORDER}


def without_gateway(module: Module) -> Module:
    """*module* without the topics and the egress of gateways."""
    components: list[Component] = []
    for component in module.components:
        if isinstance(component, KafkaIngress):
            kept = [topic for topic in component.topics if not is_gateway_topic(topic)]
            if kept:
                components.append(attrs.evolve(component, topics=kept))
        elif not (isinstance(component, KafkaEgress) and component.id == ANSWERS):
            components.append(component)
    return attrs.evolve(module, components=components)


def gateway_topics(name: str, functions: Iterable[str]) -> list[Topic]:
    """The topics of the gateways of the application *name*, for *functions* and the ingress function."""
    base = _orders_topic(name)
    topics = [Topic(topic=base, value_type=ORDER, targets=[INGRESS])]
    taken: set[str] = set()
    for function in functions:
        part = _in_a_topic(function)
        if as_kafka_compares(part) in taken:
            part = with_digest(part, function)
        taken.add(as_kafka_compares(part))
        topics.append(Topic(topic=f"{base}.{part}", value_type=REQUEST, targets=[function]))
    return topics


def _orders_topic(name: str) -> str:
    return for_a_topic(name)[:_LONGEST_BASE] + ".gateway"


def own_answers_topic(name: str) -> str:
    """The topic of the answers to the gateways of the application *name*, in the output of ``module --gateway``."""
    return f"{_orders_topic(name)}{ANSWERS_TOPIC}"


def answers_topics(module: Module) -> frozenset[str]:
    """The topics of the answers to all gateways that may use *module*, or the part of one of its applications."""
    topics = [topic for ingress in module.kafka_ingresses for topic in ingress.topics]
    return frozenset(f"{each.topic}{ANSWERS_TOPIC}" for each in topics if each.value_type == ORDER)


def _in_a_topic(function: str) -> str:
    """*function* as a part of a topic's name, another one for each function type."""
    if _PLAIN.fullmatch(function):
        return function.replace("/", ".")
    return with_digest(for_a_topic(function.replace("/", "."))[:_LONGEST_READABLE], function)


@attrs.frozen(kw_only=True)
class RequestTopic:
    """A topic that a gateway writes to, and the ingress that reads it."""

    ingress: KafkaIngress
    topic: str


@attrs.frozen(kw_only=True)
class GatewayRoutes:
    """What a module.yaml has for a gateway.

    Args:
        requests: the topics of requests, by function type; that of the ingress function is for orders to it.
        plain: the topics with plain messages for one function type, by that and the type of message.
        answers: the egress of the answers; None without one.
        endpoints: the endpoints that Flink calls. It fails the job at a message for a function type without one.
    """

    requests: Mapping[str, RequestTopic]
    plain: Mapping[tuple[str, str], RequestTopic]
    answers: KafkaEgress | None
    endpoints: Sequence[EndpointComponent]

    def reach(self, function: str) -> bool:
        """Whether Flink calls an endpoint for messages to *function*."""
        return endpoint_of(self.endpoints, function) is not None

    def is_with_ingress(self, function: str) -> bool:
        """Whether the endpoint of *function*, by its URL, also serves the ingress function, and so knows *function*."""
        return self._url(function) == self._url(INGRESS)

    def _url(self, function: str) -> str | None:
        endpoint = endpoint_of(self.endpoints, function)
        return None if endpoint is None else endpoint.url

    @property
    def answers_topic(self) -> str | None:
        """The topic of the answers; None if nothing can be answered."""
        orders = self.requests.get(INGRESS)
        return None if orders is None or self.answers is None else f"{orders.topic}{ANSWERS_TOPIC}"


def gateway_routes(module: Module) -> GatewayRoutes:
    """The parts of *module* that a gateway uses. Of two topics for the same, the first one counts; a topic for a
    function type without an endpoint does not.
    """
    requests: dict[str, RequestTopic] = {}
    plain: dict[tuple[str, str], RequestTopic] = {}
    for ingress in module.kafka_ingresses:
        for topic in ingress.topics:
            found = RequestTopic(ingress=ingress, topic=topic.topic)
            for target in topic.targets:
                if len(topic.targets) > 1 or module.route(target) is None:  # the other target would get it, too
                    continue
                if is_gateway_topic(topic):
                    requests.setdefault(target, found)
                else:
                    plain.setdefault((target, topic.value_type), found)
    answers = next((egress for egress in module.kafka_egresses if egress.id == ANSWERS), None)
    return GatewayRoutes(requests=requests, plain=plain, answers=answers, endpoints=module.endpoints)


def lacks_answers(module: Module) -> bool:
    """Whether *module* has topics of a gateway, but not the egress of its answers."""
    asked = any(is_gateway_topic(topic) for ingress in module.kafka_ingresses for topic in ingress.topics)
    return asked and all(egress.id != ANSWERS for egress in module.kafka_egresses)
