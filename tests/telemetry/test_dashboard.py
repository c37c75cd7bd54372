"""The dashboard for Grafana shows metrics and labels that ``GET /metrics`` really gives."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any as Untyped

import httpx
from prometheus_client.parser import text_string_to_metric_families

from statefun_actors import AsyncRuntime, DeadLetter, Discard, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.telemetry import Metrics
from statefun_actors.telemetry.definitions import METRICS

_DASHBOARD = json.loads(files("statefun_actors.telemetry").joinpath("grafana.json").read_text(encoding="utf-8"))
_PROMETHEUS_LABELS = {"instance", "le"}
"""Labels that the server adds, and those of buckets."""


class Shown(Entity, typename="shown/entity"):
    n: int = persisted(default=0)

    @handles(int)
    def count(self, message: int) -> int:
        self.n += message
        self.send_egress("shown/out", self.n)
        self.send_after(timedelta(milliseconds=1), self.address, "late")
        self.ask(self.address, b"?", then=self.answered)
        return self.n

    @handles(str)
    def late(self, message: str) -> None: ...

    @handles(bytes)
    def asked(self, message: bytes) -> bool:
        return True

    @answers
    def answered(self, message: bool | NoAnswer) -> None: ...

    @handles(float, on_failure=Discard(attempts=1, backoff=0))
    def discard(self, message: float) -> None:
        raise ValueError

    @handles(list[int], on_failure=DeadLetter(egress="shown/dead", attempts=1, backoff=0))
    def bury(self, message: list[int]) -> None:
        raise ValueError


def expressions() -> Iterator[str]:
    for panel in _DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for variable in _DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def labels_by_name(text: str) -> Mapping[str, set[str]]:
    """The labels of each sample of *text*, by its name; a metric without a sample has none."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def shown(folder: Path) -> str:
    """The text of ``GET /metrics`` after each event with labels, except those that must not happen."""
    egress = {"shown/out": str(folder / "out.jsonl")}
    async with AsyncRuntime(Shown, instruments=[Metrics()], bind="127.0.0.1:0", egress=egress) as runtime:
        for message in (1, 1.5, [1]):
            await runtime.tell(Shown.at("a"), message)
        async with asyncio.timeout(60), httpx.AsyncClient(base_url=runtime.urls[0]) as http:
            while True:
                text = (await http.get("/metrics")).text
                labels = labels_by_name(text)
                if all(name in labels for name in ("statefun_actors_egress_delivered_total", _TAKEN)) and (
                    "statefun_actors_timer_late_seconds_count 1" in text
                ):
                    return text


_TAKEN = "statefun_actors_messages_taken_total"
_RARE = {
    *("loop_held", "batches_failed", "egress_failures", "messages_refused", "responses"),
    *("gateway_records", "gateway_answers", "gateway_replies"),
}
"""Metrics that may have no sample in this run, without faults and gateways; their labels are as defined."""


async def test_every_metric_and_label_of_the_dashboard_is_shown(tmp_path: Path) -> None:
    known = dict(labels_by_name(await shown(tmp_path)))
    known |= {f"statefun_actors_{metric.name}_total": set(metric.labels) for metric in METRICS if metric.name in _RARE}
    for expression in expressions():
        names = set(re.findall(r"statefun_actors_\w+", expression))
        assert names <= known.keys(), expression
        used = set(re.findall(r"[{,]\s*(\w+)\s*[=!]", expression))
        for group in re.findall(r"by \(([^)]*)\)", expression):
            used |= {label.strip() for label in group.split(",")}
        for name in names:
            assert used <= known[name] | _PROMETHEUS_LABELS, expression


def test_every_legend_names_labels_of_its_query() -> None:
    for panel in _DASHBOARD["panels"]:
        targets: list[Mapping[str, Untyped]] = panel.get("targets", [])
        for target in targets:
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(",")}
            assert named <= grouped, target


def test_the_panels_do_not_overlap_and_show_every_metric() -> None:
    cells = [
        (x, y)
        for panel in _DASHBOARD["panels"]
        for place in (panel["gridPos"],)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in _DASHBOARD["panels"]}) == len(_DASHBOARD["panels"])
    queries = " ".join(expressions())
    assert {metric.name for metric in METRICS if f"statefun_actors_{metric.name}" not in queries} <= {
        "messages_refused",
        "egress_failures",
    }


def test_the_package_contains_it() -> None:
    assert Path(str(files("statefun_actors.telemetry"))).joinpath("grafana.json").is_file()
