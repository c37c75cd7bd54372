"""The properties of a client: ours, and those of module.yaml, which are written for the Java client.

Most names are the same for both. A few have another name here; some tuning properties have no counterpart, so they are
dropped with a warning. Properties of security are never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.kafka")

_Client = TypeVar("_Client")

_CALLED_HERE: Final = {"fetch.max.wait.ms": "fetch.wait.max.ms", "sasl.mechanism": "sasl.mechanisms"}
_JAVA_ONLY: Final = frozenset({
    "key.serializer", "value.serializer", "key.deserializer", "value.deserializer", "max.poll.records",
    "default.api.timeout.ms", "request.timeout.ms", "max.block.ms", "buffer.memory", "partitioner.class",
    "interceptor.classes", "metric.reporters", "flink.partition-discovery.interval-millis",
    "flink.disable-metrics", "flink.poll-timeout", "enable.auto.commit", "auto.commit.interval.ms",
})  # fmt: skip
"""Properties of the mechanics of the Java client, or of Flink, which don't apply here."""

_CONNECTING: Final = ("sasl.", "ssl.", "security.", "client.", "socket.", "reconnect.", "broker.", "metadata.")
_SECURITY: Final = ("sasl.", "ssl.", "security.")
_JAAS: Final = re.compile(r"\.(?:Plain|Scram)LoginModule\s+required\b(?P<options>.*)", re.DOTALL)
_JAAS_OPTION: Final = re.compile(r"\b(username|password)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s;]+))")
_UNKNOWN: Final = re.compile(r'No such configuration property: "([^"]+)"')


def client(
    component: str,
    make: Callable[[dict[str, Any]], _Client],
    own: Mapping[str, object],
    written: Mapping[str, str],
) -> _Client:
    """Create a client by *make* with the properties *own* and *written*; *own* wins.

    Raises:
        BadPropertyError: a property has an invalid value, or is an unknown one of security.
    """
    properties: dict[str, Any] = {**_translated(component, written), **own}
    while True:
        try:
            return make(properties)
        except KafkaException as error:
            reason = _text(error)
            unknown = _UNKNOWN.search(reason)
            if unknown is None or unknown[1].startswith(_SECURITY) or unknown[1] not in properties:
                raise BadPropertyError(component, reason) from error
            logger.warning("%s: the property %s is unknown here, and ignored", component, unknown[1])
            del properties[unknown[1]]


def admin_client(component: str, address: str, written: Mapping[str, str]) -> AdminClient:
    """A client of the brokers at *address*, with those of the properties *written* that connect.

    Its own errors are ignored: the readers and writers of the same brokers report them, too.

    Raises:
        BadPropertyError: the client refuses a property.
    """
    own = {"bootstrap.servers": address, "log_level": 0, "error_cb": _ignore}
    return client(component, AdminClient, own, connecting(written))


def connecting(written: Mapping[str, str]) -> dict[str, str]:
    """Those of the properties *written* that every client of the same brokers needs; others are for one kind only."""
    return {name: value for name, value in written.items() if name.startswith(_CONNECTING)}


def _translated(component: str, written: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in written.items():
        if name == "sasl.jaas.config":
            found.update(_credentials(component, value))
        elif name not in _JAVA_ONLY:
            found[_CALLED_HERE.get(name, name)] = value
    return found


def _credentials(component: str, jaas: str) -> dict[str, str]:
    """The user and the password in the JAAS configuration of the Java client."""
    if (module := _JAAS.search(jaas)) is not None:
        found = {name: re.sub(r"\\(.)", r"\1", a) if a else b or c
                 for name, a, b, c in _JAAS_OPTION.findall(module["options"])}  # fmt: skip
        if len(found) == 2:
            return {f"sasl.{name}": value for name, value in found.items()}
    raise BadPropertyError(
        component, "sasl.jaas.config is read where it holds a PlainLoginModule or ScramLoginModule with username and "
        "password; for anything else write sasl.username, sasl.password or sasl.oauthbearer.*"
    )  # fmt: skip


def _ignore(_: object) -> None:
    pass


def _text(error: KafkaException) -> str:
    """The text of *error*, on one line, without its last full stop."""
    inner = error.args[0] if error.args else error
    return " ".join((inner.str() if isinstance(inner, KafkaError) else str(inner)).split()).rstrip(".")
