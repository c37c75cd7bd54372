"""The one Kafka broker of this process: started when it is first asked for, ended with the process."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.flink.distribution import DistributionError, jars_of
from tests.kafka.broker import Broker, BrokerError

_POM: Final = Path(__file__).parent / "pom.xml"


def broker() -> Broker:
    """Skips the test that asks for it where this machine can't run Kafka; under ``CI=true`` that is a failure."""
    match _broker():
        case Broker() as running:
            return running
        case BrokerError() as error:
            raise error
        case why if os.environ.get("CI") == "true":
            pytest.fail(why)
        case why:
            pytest.skip(why)


def new_broker() -> Broker:
    """One that a test has for itself, to stop and start; not started yet. Skips as :func:`broker` does."""
    broker()
    return Broker(jars_of(_POM))


@functools.cache  # failures, too: no test has to try again what takes minutes to fail
def _broker() -> Broker | BrokerError | str:
    if lacking := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
        return f"no {', no '.join(lacking)} on the PATH: install a JDK and Maven to run against a real Kafka"
    try:
        broker = Broker(jars_of(_POM))
    except DistributionError as error:
        return str(error)
    atexit.register(broker.close)
    try:
        broker.start()
    except BrokerError as error:
        return error
    return broker
