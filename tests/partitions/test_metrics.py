"""The metrics of several partitions in one text."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from statefun_actors.http.ingress.merged_metrics import merged_metrics

ODD = 'odd "name" {x} y\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029z'
"""A label with all line separators of ``str.splitlines``; Prometheus escapes only the line feed."""


def registry(number: int) -> CollectorRegistry:
    """The metrics of one partition."""
    found = CollectorRegistry()
    Gauge("waiting", "Without labels.", registry=found).set(number)
    counter = Counter("taken", "With labels: a { brace.", ["type"], registry=found)
    counter.labels(ODD).inc(10 + number)
    Histogram("seconds", "A histogram.", ["handler"], buckets=[1.0], registry=found).labels("h").observe(number)
    if number:
        Counter("later", "Only the second one has it.", registry=found).inc()
    return found


@pytest.mark.parametrize(
    ("generate", "parse"),
    [(generate_latest, parse_text), (generate_openmetrics, parse_openmetrics)],
    ids=["text", "openmetrics"],
)
def test_metrics_have_the_label_of_their_partition(
    generate: Callable[[CollectorRegistry], bytes], parse: Callable[[str], Iterable[Metric]]
) -> None:
    merged = merged_metrics({number: generate(registry(number)).decode() for number in range(2)} | {2: None})
    families = list(parse(merged))
    assert len({family.name for family in families}) == len(families)
    documented = {family.name: family.documentation for family in families}
    assert documented["statefun_actors_partition_up"] == "1 if the partition's metrics are in this response, else 0."
    found = {
        (sample.name, sample.labels.pop("partition"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert found == {
        ("waiting", "0"): 0,
        ("waiting", "1"): 1,
        ("taken_total", "0", ODD): 10,
        ("taken_total", "1", ODD): 11,
        ("seconds_bucket", "0", "h", "1.0"): 1,
        ("seconds_bucket", "0", "h", "+Inf"): 1,
        ("seconds_count", "0", "h"): 1,
        ("seconds_sum", "0", "h"): 0,
        ("seconds_bucket", "1", "h", "1.0"): 1,
        ("seconds_bucket", "1", "h", "+Inf"): 1,
        ("seconds_count", "1", "h"): 1,
        ("seconds_sum", "1", "h"): 1,
        ("later_total", "1"): 1,
        ("statefun_actors_partition_up", "0"): 1,
        ("statefun_actors_partition_up", "1"): 1,
        ("statefun_actors_partition_up", "2"): 0,
    }
