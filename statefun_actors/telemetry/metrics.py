"""``Metrics``: an instrument that fills a Prometheus registry, which ``GET /metrics`` shows."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.dispatch import Exposing
from statefun_actors.telemetry.definitions import Metric
from statefun_actors.telemetry.measuring import Measuring, Record

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
    from prometheus_client.exposition import choose_encoder
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

    def _recorder(self, metric: Metric) -> Record:
        name, registry = f"statefun_actors_{metric.name}", self.registry
        match metric.kind:
            case "counter":
                counter = Counter(name, metric.help, metric.labels, registry=registry)
                return _recorded(lambda labels: (counter.labels(*labels) if labels else counter).inc)
            case "gauge":
                gauge = Gauge(name, metric.help, metric.labels, registry=registry)
                return _recorded(lambda labels: (gauge.labels(*labels) if labels else gauge).set)
            case "histogram":
                histogram = Histogram(name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
                return _recorded(lambda labels: (histogram.labels(*labels) if labels else histogram).observe)


def _recorded(child: Callable[[tuple[str, ...]], Callable[[float], None]]) -> Record:
    """A record that looks up the *child* of each set of labels once: the client's own lookup takes longer."""
    children: dict[tuple[str, ...], Callable[[float], None]] = {}

    def record(value: float, /, *labels: str) -> None:
        known = children.get(labels)
        if known is None:
            known = children[labels] = child(labels)
        known(value)

    return record
