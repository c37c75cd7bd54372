"""The backend of a gateway, without brokers."""

from __future__ import annotations

from statefun_actors import Address
from statefun_actors.asking import ANSWERS, ORDER, REPLY, REQUEST
from statefun_actors.deploy import GatewayRoutes, KafkaEgress, KafkaIngress, RequestTopic, Topic
from statefun_actors.gateway import Gateway
from statefun_actors.ingress import Answer, GivenUp, IngressMessage
from statefun_actors.model import INGRESS
from statefun_actors.types import pack

ADA = Address("bank/account", "ada")
NOBODY = "127.0.0.1:1"
TYPES = {ADA.typename: REQUEST, REPLY: REQUEST, INGRESS: ORDER}
TOPICS = [Topic(topic=f"bank.{at}", value_type=type, targets=[to]) for at, (to, type) in enumerate(TYPES.items())]
REQUESTS = KafkaIngress(id="bank/requests", address=NOBODY, group="bank", startup="earliest", topics=TOPICS)
ROUTES = GatewayRoutes(
    requests={topic.targets[0]: RequestTopic(ingress=REQUESTS, topic=topic.topic) for topic in TOPICS},
    plain={},
    answers=KafkaEgress(id=ANSWERS, address=NOBODY, delivery="at-least-once"),
    endpoints=[],
)


def test_more_lines_than_the_kafka_client_can_queue_are_refused_before_the_first_is_sent() -> None:
    answers: list[Answer] = []

    Gateway(ROUTES).take_all([IngressMessage(ADA, pack(1))] * 10_001, answers.append)

    assert answers == [GivenUp("expected at most 10,000 messages in one request to a gateway, got 10,001")]
