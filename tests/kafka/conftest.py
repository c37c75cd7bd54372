"""Fixtures: the broker of all tests and topics of a test's own."""

from __future__ import annotations

import pytest

from tests.kafka.broker import Broker
from tests.kafka.session import broker as running_broker
from tests.kafka.topics import Topics

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="session")
def broker() -> Broker:
    return running_broker()


@pytest.fixture
def topics(broker: Broker, request: pytest.FixtureRequest) -> Topics:
    return Topics(broker.address, request.node.name)
