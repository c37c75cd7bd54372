"""What a module.yaml says, as plain values, whichever version of StateFun it is written for.

What it leaves out has the value that StateFun gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """How Flink's requests travel. ``payload_max_bytes=None`` is no limit; ``options`` are the further keys."""

    type: str = ASYNC
    call_timeout: timedelta = timedelta(minutes=1)
    payload_max_bytes: int | None = 32 * 1024 * 1024
    options: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EagerState:
    """A state as files for 2.x list it; in 3.x the endpoint declares states itself."""

    name: str
    expiration: Expiration = Expiration.NONE
    ttl_ms: int = 0


@attrs.frozen(kw_only=True)
class EndpointComponent:
    """Where the functions are served. ``functions`` is ``ns/name`` or ``ns/*``; ``states`` is None in 3.x."""

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
        """Where requests for *typename* go."""
        return self.url.replace("{function.name}", typename.rpartition("/")[2])


@attrs.frozen
class SpecificOffsets:
    """Start at these offsets, by (topic, partition); partitions that aren't there start at the group's offsets."""

    offsets: Mapping[tuple[str, int], int]


@attrs.frozen
class FromDate:
    """Start at the first record that is not older."""

    date: datetime
    """Aware."""


Startup: TypeAlias = Literal["group-offsets", "earliest", "latest"] | SpecificOffsets | FromDate
"""Where an ingress starts that has read nothing yet."""


@attrs.frozen(kw_only=True)
class Topic:
    """Each record becomes a message of typename ``value_type``, its bytes untouched, to the id that is the record's
    key, of every function type in ``targets``.
    """

    topic: str
    value_type: str
    targets: Sequence[str]


@attrs.frozen(kw_only=True)
class KafkaIngress:
    """``address`` is a list of brokers as Kafka's ``bootstrap.servers`` has it. ``reset`` is for a group without
    offsets, and for offsets that are gone. ``properties`` are Kafka's own, for its consumer.
    """

    id: str
    address: str
    topics: Sequence[Topic]
    group: str | None = None
    startup: Startup = "latest"
    reset: Literal["earliest", "latest"] = "latest"
    properties: Mapping[str, str] = attrs.field(factory=dict)
    place: YamlPosition = attrs.field(default=_NOWHERE, eq=False)


@attrs.frozen(kw_only=True)
class KafkaEgress:
    """``transaction_timeout`` goes with ``exactly-once`` alone. ``properties`` are Kafka's own, for its producer."""

    id: str
    address: str
    delivery: Literal["exactly-once", "at-least-once", "none"] = "at-least-once"
    transaction_timeout: timedelta | None = None
    properties: Mapping[str, str] = attrs.field(factory=dict)
    place: YamlPosition = attrs.field(default=_NOWHERE, eq=False)


@attrs.frozen(kw_only=True)
class OtherComponent:
    """Anything else (Kinesis, connectors of others), as it is written: handed on, not looked into."""

    kind: str
    role: Literal["ingress", "egress"] | None
    """Where the kind tells."""
    id: str | None
    spec: Mapping[str, object]
    place: YamlPosition = attrs.field(default=_NOWHERE, eq=False)


Component: TypeAlias = EndpointComponent | KafkaIngress | KafkaEgress | OtherComponent


@attrs.frozen(kw_only=True)
class Module:
    """All of a module.yaml, in its order. ``name`` is the file as its user knows it; ``ignored`` are keys in it that
    mean nothing to StateFun, which passes them over.
    """

    components: Sequence[Component]
    format: Format = "3.x"
    name: str = attrs.field(default="module.yaml", eq=False)
    ignored: Sequence[Problem] = attrs.field(default=(), eq=False)

    @property
    def endpoints(self) -> list[EndpointComponent]:
        return [component for component in self.components if isinstance(component, EndpointComponent)]

    @property
    def kafka_ingresses(self) -> list[KafkaIngress]:
        return [component for component in self.components if isinstance(component, KafkaIngress)]

    @property
    def kafka_egresses(self) -> list[KafkaEgress]:
        return [component for component in self.components if isinstance(component, KafkaEgress)]

    @property
    def others(self) -> list[OtherComponent]:
        return [component for component in self.components if isinstance(component, OtherComponent)]

    @property
    def record_egresses(self) -> frozenset[str]:
        """Egresses for which StateFun takes nothing but records: those to Kafka and Kinesis."""
        kinesis = {other.id for other in self.others if other.id and other.kind == KINESIS_EGRESS}
        return frozenset({*(egress.id for egress in self.kafka_egresses), *kinesis})
