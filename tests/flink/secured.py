"""The application behind mutual TLS: one entity for each way in which Flink can come."""

from __future__ import annotations

from statefun_actors import Entity, handles
from tests.flink.app import Count, Seen
from tests.flink.egresses import OUT


class Door(Entity):
    @handles
    def knock(self, message: Count) -> None:
        self.send_egress(OUT, Seen(self.id, self.address.name, message.by))


class Known(Door, typename="secured/known"):
    pass


class Stranger(Door, typename="secured/stranger"):
    pass


class Expired(Door, typename="secured/expired"):
    pass


class Nobody(Door, typename="secured/nobody"):
    """Reached without a certificate."""
