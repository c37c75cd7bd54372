"""What can be wrong with an ingress or egress of Kafka before anything is read or written."""

from __future__ import annotations

from statefun_actors.errors import StatefunActorsError


class BadPropertyError(StatefunActorsError, ValueError):
    """A property of an ingress or egress that its client can't do without, and can't read. Retrying cannot help."""

    def __init__(self, component: str, reason: str) -> None:
        super().__init__(component, reason)
        self.component, self.reason = component, reason

    def __str__(self) -> str:
        return (
            f"{self.component}: the Kafka client can't be set up: {self.reason}. Its names are librdkafka's: "
            "correct `properties:` in module.yaml."
        )
