"""Errors of Kafka ingresses and egresses."""

from __future__ import annotations

from statefun_actors.errors import StatefunActorsError


class BadPropertyError(StatefunActorsError, ValueError):
    """The client refuses a property of an ingress or egress. Retrying cannot help."""

    def __init__(self, component: str, reason: str) -> None:
        super().__init__(component, reason)
        self.component, self.reason = component, reason

    def __str__(self) -> str:
        return (
            f"{self.component}: the Kafka client can't be set up: {self.reason}. Its names are librdkafka's: "
            "correct `properties:` in module.yaml."
        )


class EgressDownError(StatefunActorsError):
    """Nothing can be written at present, for the reason in the text. A retry helps after that has changed."""
