"""The values of one metric, which the client of Prometheus collects when they are shown.

The client's own counters take a lock, and check themselves, for each value: of all that a
message costs with metrics, a tenth. These are plain attributes, and the instrument that sets them runs on one thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from statefun_actors.telemetry.definitions import Metric
from statefun_actors.telemetry.measuring import Record


class _Number:
    """The value of a counter or a gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, value: float) -> None:
        self.value += value

    def set(self, value: float) -> None:
        self.value = value


class _Distribution:
    """The values of a histogram: how many are at most each of *bounds*, and more than the one before."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds, self.counts, self.sum = bounds, [0] * len(bounds), 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class PrometheusValues(Collector):
    """The values of *metric*, by the values of its labels."""

    def __init__(self, metric: Metric) -> None:
        self._metric, self._bounds = metric, (*metric.buckets, inf)
        self._numbers: dict[tuple[str, ...], _Number] = {}
        self._distributions: dict[tuple[str, ...], _Distribution] = {}

    def record(self, *labels: str) -> Record:
        """Records values with *labels*: it adds to a counter, sets a gauge, counts in a histogram."""
        if self._metric.kind == "histogram":
            return self._distributions.setdefault(labels, _Distribution(self._bounds)).observe
        number = self._numbers.setdefault(labels, _Number())
        return number.add if self._metric.kind == "counter" else number.set

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        return [self._family()]

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        family = self._family()
        if isinstance(family, HistogramMetricFamily):
            for labels, found in list(self._distributions.items()):  # another thread may add some
                counts = zip(map(floatToGoString, found.bounds), accumulate(found.counts), strict=True)
                family.add_metric(labels, [*counts], found.sum)
        else:
            for labels, number in list(self._numbers.items()):
                family.add_metric(labels, number.value)
        return [family]

    def _family(self) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
        name, text, labels = f"statefun_actors_{self._metric.name}", self._metric.help, self._metric.labels
        match self._metric.kind:
            case "counter":
                return CounterMetricFamily(name, text, labels=labels)
            case "gauge":
                return GaugeMetricFamily(name, text, labels=labels)
            case "histogram":
                return HistogramMetricFamily(name, text, labels=labels)
