"""``ServedStates``: the states of an application's function types, as the engine needs them."""

from __future__ import annotations

from statefun_actors.dispatch import Application
from statefun_actors.engine.evolution.shapes import shapes
from statefun_actors.model import INGRESS, Expiration, StateSpec


class ServedStates:
    """The states of an application as the engine needs them, computed once."""

    def __init__(self, app: Application) -> None:
        self.renamed = app.renamed
        # The ingress function is for gateways in front of Flink. The engine answers callers outside by itself.
        functions = {name: served for name, served in app.all_served.items() if name != INGRESS}
        self.durable_first = frozenset(name for name, served in functions.items() if served.retries)
        self.served = functions.keys() - self.durable_first
        self.texts = shapes(app)
        """The shapes of the function types, as positions of the store."""
        self.specs: dict[str, tuple[StateSpec, ...]] = {
            name: tuple(served.function.states) for name, served in functions.items()
        }
        self.names = {name: tuple(spec.name for spec in specs) for name, specs in self.specs.items()}
        self.expiring = {
            name: specs
            for name, specs in self.specs.items()
            if any(spec.expiration is not Expiration.NONE for spec in specs)
        }
        """The states of the function types that have states that expire."""
        self.expiring_after_call = frozenset(
            name
            for name, specs in self.expiring.items()
            if any(spec.expiration is Expiration.AFTER_CALL for spec in specs)
        )
