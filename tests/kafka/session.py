"""The one Kafka broker of this process: started when it is first asked for, ended with the process."""

from __future__ import annotations

import atexit
import functools

from statefun_actors.cluster import ToolFailedError, kafka_program, missing_tool
from statefun_actors.cluster.jvm import Program
from tests.kafka.broker import Broker, BrokerError
from tests.needs import skip_or_fail


def broker() -> Broker:
    """Skips the test that asks for it where this machine can't run Kafka; under ``CI=true`` that is a failure."""
    found = _broker()
    if isinstance(found, BrokerError):
        raise found
    return found


def new_broker() -> Broker:
    """One that a test has for itself, to stop and start; not started yet. Skips as :func:`broker` does."""
    return Broker(_program())


def _program() -> Program:
    found = _found_program()
    if isinstance(found, str):
        skip_or_fail(found)
    return found


@functools.cache  # failures, too: no test has to try again what takes minutes to fail
def _found_program() -> Program | str:
    if (lacking := missing_tool()) is not None:
        return str(lacking)
    try:
        return kafka_program(lambda _: None)
    except ToolFailedError as error:
        return str(error)


@functools.cache
def _broker() -> Broker | BrokerError:
    broker = Broker(_program())
    atexit.register(broker.close)
    try:
        broker.start()
    except BrokerError as error:
        return error
    broker.leave_class_data()
    return broker
