"""The Flinks of this process: each is started when a test first needs it, and ended after the last one that does."""

from __future__ import annotations

import atexit
import functools
import tempfile
from pathlib import Path
from string import Template
from typing import TypeVar

import attrs

from statefun_actors.cluster import ToolFailedError, missing_tool
from statefun_actors.cluster.reserved_ports import ReservedPort
from tests.certificates import expired, join, self_signed
from tests.flink.distribution import HERE, Distribution, distribution
from tests.flink.egresses import LETTERS, OUT
from tests.flink.jvm import FlinkError, FlinkJvm
from tests.flink.over_kafka import FlinkOverKafka
from tests.flink.tap import Tap
from tests.kafka.broker import Broker
from tests.kafka.session import broker
from tests.last_use import FLINK, FLINK_OVER_KAFKA, end_with
from tests.needs import skip_or_fail

_Running = TypeVar("_Running", "Session", "KafkaSession")


@attrs.frozen
class Session:
    """The job, and where its module.yaml leads."""

    jvm: FlinkJvm
    served: ReservedPort
    """Which ``flink/*`` leads to."""
    secured: ReservedPort
    """Which ``secured/*`` leads to, by TLS."""
    certificates: Path
    """The folder of those of TLS."""


@attrs.frozen
class KafkaSession:
    """The job of the conformance cases."""

    flink: FlinkOverKafka
    tap: Tap
    """Which ``conf/*`` and ``probe/*`` lead to."""


def session() -> Session:
    """Skips the test that asks for it where this machine can't run Flink; under ``CI=true`` that is a failure."""
    return _running(_session())


def kafka_session() -> KafkaSession:
    """Skips as :func:`session` does."""
    return _running(_kafka_session(broker(FLINK_OVER_KAFKA)))


def _running(found: _Running | Unavailable | FlinkError) -> _Running:
    if isinstance(found, Unavailable):
        skip_or_fail(found.why)
    if isinstance(found, FlinkError):
        raise found
    return found


@attrs.frozen
class Unavailable:
    """This machine can't run Flink."""

    why: str


@functools.cache  # failures, too: no test has to try again what takes minutes to fail
def _session() -> Session | Unavailable | FlinkError:
    found = _distribution()
    if isinstance(found, Unavailable):
        return found
    served, secured = ReservedPort(), ReservedPort()
    atexit.register(served.release)
    atexit.register(secured.release)
    certificates = tempfile.TemporaryDirectory(prefix="certificates-")
    end_with(FLINK, certificates.cleanup)
    folder = Path(certificates.name)
    self_signed(folder, "server", "renewed", "client", "stranger")
    expired(folder, "expired")
    join(folder, "servers", "server", "renewed")
    text = Template((HERE / "module.yaml").read_text(encoding="utf-8")).substitute(
        served=served.url, secured=secured.url.replace("http:", "https:"), certificates=folder
    )
    try:
        jvm = FlinkJvm(found, text, (OUT, LETTERS))
    except FlinkError as error:
        return error
    end_with(FLINK, jvm.close)
    return Session(jvm, served, secured, folder)


@functools.cache
def _kafka_session(broker: Broker) -> KafkaSession | Unavailable | FlinkError:
    found = _distribution()
    if isinstance(found, Unavailable):
        return found
    tap = Tap()
    atexit.register(tap.close)
    try:
        flink = FlinkOverKafka(found, broker.address, tap.url)
    except FlinkError as error:
        return error
    end_with(FLINK_OVER_KAFKA, flink.close)
    return KafkaSession(flink, tap)


def _distribution() -> Distribution | Unavailable:
    if (lacking := missing_tool()) is not None:
        return Unavailable(str(lacking))
    try:
        return distribution()
    except ToolFailedError as error:
        return Unavailable(str(error))
