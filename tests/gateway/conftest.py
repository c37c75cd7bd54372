"""Fixtures: a gateway in front of the shared job, and one more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.session import GatewayJob, GatewayProcess, gateway, gateway_job, gateway_of
from tests.kafka.broker import Broker
from tests.kafka.session import new_broker


@pytest.fixture
def job() -> GatewayJob:
    return gateway_job()


@pytest.fixture
def first() -> GatewayProcess:
    """The one that all tests share."""
    return gateway()


@pytest.fixture
def second(job: GatewayJob) -> Iterator[GatewayProcess]:
    with gateway_of(job.module) as process:
        yield process


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """One to stop and start; not started yet."""
    broker = new_broker()
    try:
        yield broker
    finally:
        broker.close()
