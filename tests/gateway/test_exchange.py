"""A gateway's part in Kafka, without a job: the topic of the answers is missing or deleted, or no broker answers."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from statefun_actors.asking import ANSWERS
from statefun_actors.deploy import GatewayRoutes, KafkaEgress, KafkaIngress, RequestTopic
from statefun_actors.gateway.exchange import CLOSE_SECONDS, Exchange
from statefun_actors.model import INGRESS
from tests.kafka.broker import Broker
from tests.kafka.session import broker as shared_broker
from tests.kafka.topics import Topics
from tests.kafka.waiting import until


@pytest.fixture
def broker() -> Broker:
    return shared_broker()


@pytest.fixture
def topics(broker: Broker, request: pytest.FixtureRequest) -> Topics:
    return Topics(broker.address, request.node.name)


def exchange_at(address: str, orders: str, properties: Mapping[str, str] | None = None) -> Exchange:
    """One that sends orders to the topic *orders*, and reads answers."""
    ingress = KafkaIngress(id="gateway/in", address=address, topics=[])
    return Exchange(
        GatewayRoutes(
            requests={INGRESS: RequestTopic(ingress=ingress, topic=orders)},
            plain={},
            answers=KafkaEgress(id=ANSWERS, address=address, properties=properties or {}),
            endpoints=[],
        )
    )


@pytest.mark.kafka
async def test_it_is_unready_from_its_deletion_until_it_is_read_again(
    topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = exchange_at(topics.address, topics.name("orders"))
    answers = topics.name("orders.answers")
    exchange.start()
    await until(lambda: exchange.unready() is None)
    topics.delete(answers)
    await until(exchange.unready)
    reason = exchange.unready()
    await until(lambda: exchange.unready() is None)
    topics.write(answers, [(exchange.calls.gateway, b"no answer")])
    await until(lambda: f"a record of {answers} is dropped" in caplog.text)
    await exchange.close()

    assert reason == f"the topic {answers} of the answers can't be read now"


async def test_an_end_waits_for_brokers_that_are_not_there_only_shortly() -> None:
    exchange = exchange_at("127.0.0.1:1", "orders")
    exchange.start()
    exchange.produce(exchange.routes.requests[INGRESS], "key", b"value", None, lambda _: None)

    async with asyncio.timeout(2 * CLOSE_SECONDS):
        await exchange.close()


@pytest.fixture
def untrusting(tmp_path: Path) -> Exchange:
    """One whose file of certificates has gone since it was created, as where they are renewed."""
    file = tmp_path / "known.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", "key.pem"]
    subprocess.run([*command, "-out", file], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    made = exchange_at("127.0.0.1:1", "orders", {"security.protocol": "SSL", "ssl.ca.location": str(file)})
    file.unlink()
    return made


async def test_the_answers_are_read_even_if_the_attempt_to_make_their_topic_fails(
    untrusting: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    untrusting.start()
    reads = f"Kafka ingress {ANSWERS}: no broker of 127.0.0.1:1 can be reached; retrying"
    await until(lambda: reads in caplog.messages)
    await untrusting.close()

    [failed] = [text for text in caplog.messages if "can't be made" in text]
    assert failed.startswith(
        "the topic orders.answers can't be made, and is tried again: gateway: the Kafka client can't be set up: "
        "Failed to create admin client: ssl.ca.location failed: "
    )
