"""The components of a module.yaml as plain values, for all versions of StateFun.

Omitted keys have StateFun's defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

import attrs

from statefun_actors.deploy.errors import Problem, YamlPosition
from statefun_actors.model import Expiration

Format: TypeAlias = Literal["3.x", "1.0", "2.0"]
"""3.x, or the ``version`` of a file for StateFun 2.0 and 2.1 ("1.0") or 2.2 ("2.0")."""

ASYNC: Final = "io.statefun.transports.v1/async"
OKHTTP: Final = "io.statefun.transports.v1/okhttp"

KINESIS_EGRESS: Final = "io.statefun.kinesis.v1/egress"

_NOWHERE: Final = YamlPosition(0, 0)


@attrs.frozen(kw_only=True)
class Transport:
    """The transport of Flink's requests. ``payload_max_bytes=None`` is no limit; ``options`` are all other keys."""

    type: str = ASYNC
    call_timeout: timedelta = timedelta(minutes=1)
    payload_max_bytes: int | None = 32 * 1024 * 1024
    options: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EagerState:
    """A state in a file for 2.x; in 3.x the endpoint declares states itself."""

    name: str
    expiration: Expiration = Expiration.NONE
    ttl_ms: int = 0


@attrs.frozen(kw_only=True)
class EndpointComponent:
    """The endpoint of functions. ``functions`` is ``ns/name`` or ``ns/*``; ``states`` is None in 3.x."""

    functions: str
    url: str
    max_batch: int = 1000
    transport: Transport = Transport()
    states: Sequence[EagerState] | None = None
    place: YamlPosition = attrs.field(default=_NOWHERE, eq=False)

    def serves(self, typename: str) -> bool:
        namespace, _, name = self.functions.rpartition("/")
        return typename == self.functions or (name == "*" and typename.rpartition("/")[0] == namespace)

    def url_of(self, typename: str) -> str:
        """The URL of requests for *typename*."""
        return self.url.replace("{function.name}", typename.rpartition("/")[2])


def endpoint_of(endpoints: Iterable[EndpointComponent], typename: str) -> EndpointComponent | None:
    """The one of *endpoints* that Flink calls for *typename*: an exact match precedes a namespace."""
    found = [endpoint for endpoint in endpoints if endpoint.serves(typename)]
    return min(found, key=lambda endpoint: endpoint.functions != typename, default=None)


@attrs.frozen
class SpecificOffsets:
    """Start at these offsets, by (topic, partition); other partitions start at the group's offsets."""

    offsets: Mapping[tuple[str, int], int]


@attrs.frozen
class FromDate:
    """Start at the first record that is not older than a date."""

    date: datetime
    """Aware."""


Startup: TypeAlias = Literal["group-offsets", "earliest", "latest"] | SpecificOffsets | FromDate
"""The start position of an ingress at its first run."""


@attrs.frozen(kw_only=True)
class Topic:
    """A topic: each record becomes a message of typename ``value_type``, with the same bytes, to each function type in
    ``targets``; the record's key is the id. ``forward_headers`` is in place of that of the ingress, unless it is None.
    """

    topic: str
    value_type: str
    targets: Sequence[str]
    forward_headers: bool | None = None


@attrs.frozen(kw_only=True)
class KafkaIngress:
    """A Kafka ingress. ``address`` is a list of brokers, as in ``bootstrap.servers``. ``reset`` is for missing offsets.
    ``properties`` are those of Kafka's consumer. ``forward_headers``: whether Flink gives messages the headers of their
    records, which not every StateFun can; None if the file does not say it. 2.x has no such key.
    """

    id: str
    address: str
    topics: Sequence[Topic]
    group: str | None = None
    startup: Startup = "latest"
    reset: Literal["earliest", "latest"] = "latest"
    forward_headers: bool | None = None
    properties: Mapping[str, str] = attrs.field(factory=dict)
    place: YamlPosition = attrs.field(default=_NOWHERE, eq=False)


@attrs.frozen(kw_only=True)
class KafkaEgress:
    """A Kafka egress. ``transaction_timeout`` is for ``exactly-once`` only. ``properties`` are its producer's."""

    id: str
    address: str
    delivery: Literal["exactly-once", "at-least-once", "none"] = "at-least-once"
    transaction_timeout: timedelta | None = None
    properties: Mapping[str, str] = attrs.field(factory=dict)
    place: YamlPosition = attrs.field(default=_NOWHERE, eq=False)


@attrs.frozen(kw_only=True)
class OtherComponent:
    """Any other component (Kinesis, third-party connectors), unchanged and unchecked."""

    kind: str
    role: Literal["ingress", "egress"] | None
    """Whether it is an ingress or an egress, if its kind shows that."""
    id: str | None
    spec: Mapping[str, object]
    place: YamlPosition = attrs.field(default=_NOWHERE, eq=False)


Component: TypeAlias = EndpointComponent | KafkaIngress | KafkaEgress | OtherComponent


@attrs.frozen(kw_only=True)
class Module:
    """A module.yaml, in its order. ``name`` is the path for errors; ``ignored`` are unknown keys, which StateFun
    ignores.
    """

    components: Sequence[Component]
    format: Format = "3.x"
    name: str = attrs.field(default="module.yaml", eq=False)
    ignored: Sequence[Problem] = attrs.field(default=(), eq=False)

    @property
    def endpoints(self) -> list[EndpointComponent]:
        return [component for component in self.components if isinstance(component, EndpointComponent)]

    def route(self, typename: str) -> EndpointComponent | None:
        """The endpoint that Flink calls for *typename*."""
        return endpoint_of(self.endpoints, typename)

    @property
    def kafka_ingresses(self) -> list[KafkaIngress]:
        return [component for component in self.components if isinstance(component, KafkaIngress)]

    @property
    def kafka_egresses(self) -> list[KafkaEgress]:
        return [component for component in self.components if isinstance(component, KafkaEgress)]

    @property
    def others(self) -> list[OtherComponent]:
        return [component for component in self.components if isinstance(component, OtherComponent)]

    def with_brokers(self, address: str) -> Module:
        """It, with all ingresses and egresses of Kafka at *address*."""
        return attrs.evolve(
            self,
            components=[
                attrs.evolve(each, address=address) if isinstance(each, KafkaIngress | KafkaEgress) else each
                for each in self.components
            ],
        )

    @property
    def record_egresses(self) -> frozenset[str]:
        """Egresses that accept only records: those to Kafka and Kinesis."""
        kinesis = {other.id for other in self.others if other.id and other.kind == KINESIS_EGRESS}
        return frozenset({*(egress.id for egress in self.kafka_egresses), *kinesis})
