"""``OtelMetrics``: the metrics of Prometheus, for an OpenTelemetry meter provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version

from statefun_actors.telemetry.definitions import Metric
from statefun_actors.telemetry.measuring import Measuring, Record, Recorder

try:
    from opentelemetry import metrics
    from opentelemetry.metrics import MeterProvider
except ImportError as error:
    raise ImportError(
        'statefun_actors.telemetry.OtelMetrics needs opentelemetry-api: pip install "statefun-actors[otel]"'
    ) from error


class OtelMetrics(Measuring):
    """Records the metrics of :class:`Metrics` with OpenTelemetry: ``instruments=[OtelMetrics()]``.

    ``run``, ``serve`` and runtimes add one by themselves if the program has set a global meter provider before. The
    names are ``statefun_actors.`` and the name at ``/metrics`` without ``_total``, so that its exporter for Prometheus
    gives the same names.

    Args:
        meter_provider: records the values; None = the global one, which may also be set later.
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        self._meter = metrics.get_meter("statefun_actors", version("statefun-actors"), meter_provider)
        super().__init__(self._recorder)

    def _recorder(self, metric: Metric) -> Recorder:
        name, names = f"statefun_actors.{metric.name}", metric.labels
        # Exporters to Prometheus add "_ratio" to the name of a gauge whose unit is "1".
        unit = "s" if metric.name.endswith("_seconds") else ""
        record: Callable[[float, Mapping[str, str]], None]
        match metric.kind:
            case "counter":
                record = self._meter.create_counter(name, unit, metric.help).add
            case "gauge":
                record = self._meter.create_gauge(name, unit, metric.help).set
            case "histogram":
                record = self._meter.create_histogram(
                    name, unit, metric.help, explicit_bucket_boundaries_advisory=metric.buckets
                ).record
        return lambda *labels: _with(record, dict(zip(names, labels, strict=True)))


def _with(record: Callable[[float, Mapping[str, str]], None], attributes: Mapping[str, str]) -> Record:
    return lambda value: record(value, attributes)
