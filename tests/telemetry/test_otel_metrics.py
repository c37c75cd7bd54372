"""The metrics of OpenTelemetry are those of Prometheus."""

from __future__ import annotations

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from statefun_actors import Runtime
from statefun_actors.telemetry import Metrics, OtelMetrics, with_global_providers
from tests.telemetry.test_global_providers import Plain
from tests.telemetry.test_metrics import samples


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> MeterProvider:
    return MeterProvider([reader], shutdown_on_exit=False)


def counted(reader: InMemoryMetricReader) -> dict[str, float]:
    """The counts and values that *reader* has, by name and values of labels; those of histograms without buckets."""
    found: dict[str, float] = {}
    data = reader.get_metrics_data()
    assert data is not None
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            labels = [str(value) for value in (point.attributes or {}).values()]
            value = getattr(point, "count", None)
            key = " ".join([metric.name.removeprefix("statefun_actors."), *labels])
            found[key] = point.value if value is None else value  # type: ignore[union-attr]
    return found


def test_both_count_the_same(reader: InMemoryMetricReader, provider: MeterProvider) -> None:
    prometheus = Metrics()
    with Runtime(Plain, instruments=[prometheus, OtelMetrics(provider)]) as runtime:
        for number in range(3):
            runtime.ask(Plain.at("ada"), number)
    found = {
        name.replace("_total", "").replace("_count", ""): value
        for name, value in samples(prometheus.expose("")[1].decode()).items()
        if not name.split()[0].endswith("_sum")
    }
    otel = counted(reader)
    assert otel["handler_seconds global/plain Plain.add"] == 3
    assert otel["attempts global/plain Plain.add ok"] == 3
    assert otel == {name: value for name, value in found.items() if name in otel}


def test_no_unit_adds_to_the_names_of_exporters_to_prometheus(
    reader: InMemoryMetricReader, provider: MeterProvider
) -> None:
    """Collectors add ``_ratio`` for gauges whose unit is 1, and ``_seconds`` where a name lacks it."""
    with Runtime(Plain, instruments=[OtelMetrics(provider)]) as runtime:
        runtime.ask(Plain.at("ada"), 1)
    data = reader.get_metrics_data()
    assert data is not None
    units = {metric.name: metric.unit for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    assert "statefun_actors.mailbox_messages" in units
    assert units == {name: "s" if name.endswith("_seconds") else "" for name in units}


def test_a_runtime_uses_the_global_meter_provider(
    reader: InMemoryMetricReader, provider: MeterProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
    monkeypatch.setattr(metrics, "get_meter", lambda name, version, given: (given or provider).get_meter(name, version))
    with Runtime(Plain) as runtime:
        runtime.ask(Plain.at("ada"), 1)
    assert counted(reader)["attempts global/plain Plain.add ok"] == 1
    own = OtelMetrics(provider)
    assert list(with_global_providers([own])) == [own]
