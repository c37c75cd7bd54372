"""Fixtures: the two gateways in front of the shared job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.session import GatewayJob, GatewayProcess, gateway, gateway_job
from tests.kafka.broker import Broker
from tests.kafka.session import new_broker


@pytest.fixture
def job() -> GatewayJob:
    return gateway_job()


@pytest.fixture
def first() -> GatewayProcess:
    return gateway(1)


@pytest.fixture
def second() -> GatewayProcess:
    return gateway(2)


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """One to stop and start; not started yet."""
    broker = new_broker()
    try:
        yield broker
    finally:
        broker.close()
