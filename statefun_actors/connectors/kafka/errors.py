"""What can be wrong with an ingress or egress of Kafka."""

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


class EgressDownError(StatefunActorsError):
    """Nothing can be written at present; the text says why. A retry helps once that has changed."""


class OlderStoreError(StatefunActorsError):
    """Records have been written from a later state of this store. Retrying cannot help; another store does."""

    def __init__(self, egress: str, group: str, written: int, newest: int) -> None:
        super().__init__(egress, group, written, newest)
        self.egress, self.group, self.written, self.newest = egress, group, written, newest

    def __str__(self) -> str:
        return (
            f"Kafka holds its records up to number {self.written}, but the store, a backup perhaps, knows none after "
            f"{self.newest}: run the newer store; or, to write records again that are there, delete the consumer "
            f"group {self.group}"
        )
