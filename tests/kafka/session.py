"""The Kafka broker of each group of tests: started when it is first asked for, ended after the last of them."""

from __future__ import annotations

import functools

from statefun_actors.cluster import ToolFailedError, kafka_program, missing_tool
from statefun_actors.cluster.jvm import Program
from tests.kafka.broker import REPLACED_SOON, Broker, BrokerError
from tests.last_use import KAFKA, end_with
from tests.needs import skip_or_fail


def broker(group: str = KAFKA) -> Broker:
    """That of *group*. Skips the test that asks for it where this machine can't run Kafka; ``CI=true``: fails it."""
    found = _broker(group)
    if isinstance(found, BrokerError):
        raise found
    return found


def new_broker() -> Broker:
    """One that a test has for itself, to stop and start; not started yet. Skips as :func:`broker` does."""
    return Broker(_program(), REPLACED_SOON)


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
def _broker(group: str) -> Broker | BrokerError:
    broker = Broker(_program())
    end_with(group, broker.close)
    try:
        broker.start()
    except BrokerError as error:
        return error
    broker.leave_class_data()
    return broker
