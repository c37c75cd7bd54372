"""``Metrics``: an instrument that fills a Prometheus registry, which ``GET /metrics`` shows."""

from __future__ import annotations

from statefun_actors.dispatch import Exposing
from statefun_actors.telemetry.definitions import Metric
from statefun_actors.telemetry.measuring import Measuring, Recorder

try:
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    from statefun_actors.telemetry.prometheus_values import PrometheusValues
except ImportError as error:
    raise ImportError(
        'statefun_actors.telemetry needs prometheus-client: pip install "statefun-actors[metrics]"'
    ) from error


class Metrics(Measuring, Exposing):
    """Counts what happens in a registry of its own: ``instruments=[Metrics()]``.

    The HTTP ingress of a runtime or of ``run``, and an endpoint, show it at ``GET /metrics``. One instance is for one
    application in one process. The page ``telemetry`` of the documentation lists the names; they begin with
    ``statefun_actors_``.

    An endpoint for Flink has those of handlers and batches only: Flink does the rest, and has metrics for it.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        super().__init__(self._recorder)

    def expose(self, accept: str) -> tuple[str, bytes]:
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self.registry)

    def _recorder(self, metric: Metric) -> Recorder:
        values = PrometheusValues(metric)
        self.registry.register(values)
        return values.record
