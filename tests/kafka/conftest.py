"""Fixtures: the broker of all tests, topics of a test's own, and one more broker for a test that stops it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.kafka.broker import Broker
from tests.kafka.session import broker as running_broker
from tests.kafka.session import new_broker
from tests.kafka.topics import Topics

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="session")
def broker() -> Broker:
    return running_broker()


@pytest.fixture
def topics(broker: Broker, request: pytest.FixtureRequest) -> Topics:
    return Topics(broker.address, request.node.name)


@pytest.fixture
def own_broker() -> Generator[Broker]:
    """Not started yet."""
    broker = new_broker()
    try:
        yield broker
    finally:
        broker.close()
