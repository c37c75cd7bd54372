"""Metrics, as ``GET /metrics`` really shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any as Untyped

import httpx
import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from statefun_actors import Address, AsyncRuntime, Discard, Entity, NoAnswer, answers, create_app, handles, persisted
from statefun_actors.cli import main
from statefun_actors.dispatch import MessageTaken
from statefun_actors.engine import open_asks
from statefun_actors.store import open_reader
from statefun_actors.telemetry import Metrics
from statefun_actors.telemetry.definitions import METRICS, Metric
from statefun_actors.telemetry.prometheus_values import PrometheusValues
from statefun_actors.types import pack
from statefun_actors.wire import v3_pb2


class Meter(Entity, typename="test/meter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message

    @handles(float)
    def later(self, message: float) -> None:
        self.send_after(timedelta(seconds=message), self.address, 1)

    @handles(str)
    def out(self, message: str) -> None:
        self.send_egress("test/out", message)

    @handles(bytes, on_failure=Discard(attempts=2, backoff=0))
    def fail(self, message: bytes) -> None:
        raise ValueError("no")


LABELS = ("type", "handler", "source", "outcome", "error", "settlement", "egress")


def samples(text: str) -> dict[str, float]:
    """The samples of *text* by name and labels, without those of creation and of buckets."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.endswith(("_created", "_bucket", "_created_total")):
                labels = [sample.labels[name] for name in LABELS if name in sample.labels]
                found[" ".join([sample.name.removeprefix("statefun_actors_"), *labels])] = sample.value
    return found


async def shown(runtime: AsyncRuntime, headers: Mapping[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(base_url=runtime.urls[0], headers=headers) as http:
        return await http.get("/metrics")


async def test_a_runtime_shows_what_its_engine_did(tmp_path: Path) -> None:
    egress = {"test/out": str(tmp_path / "out.jsonl")}
    async with AsyncRuntime(Meter, instruments=[Metrics()], bind="127.0.0.1:0", egress=egress) as runtime:
        ada = Address("test/meter", "a secret id")
        for message in (2, "a", b"x", 0.001):
            await runtime.tell(ada, message)
        async with asyncio.timeout(10):
            while True:
                response = await shown(runtime)
                found = samples(response.text)
                if (
                    found.get("timer_late_seconds_count") == 1
                    and found["handler_seconds_count test/meter Meter.add"] == 2
                    and found.get("egress_delivered_total test/out") == 1
                    and found["epoch_messages_sum"] == 5
                ):
                    break
                await asyncio.sleep(0)

    assert response.headers["content-type"].startswith("text/plain; version=")
    assert "a secret id" not in response.text
    assert found["messages_taken_total test/meter ingress"] == 4
    assert found["messages_taken_total test/meter timer"] == 1
    assert found["handler_seconds_count test/meter Meter.fail"] == 2
    assert found["handler_failures_total test/meter Meter.fail ValueError"] == 2
    assert found["messages_given_up_total test/meter discarded"] == 1
    assert found["discarded_total"] == 1
    assert found["attempts_total test/meter Meter.add ok"] == 2
    assert found["attempts_total test/meter Meter.fail error"] == 2
    assert found["egress_failing test/out"] == 0
    assert found["mailbox_messages"] == 0
    assert found["commit_seconds_count"] > 0
    assert found["commit_seconds_sum"] > 0


async def test_the_token_counts_for_metrics_too() -> None:
    async with AsyncRuntime(Meter, instruments=[Metrics()], bind="127.0.0.1:0", token="t") as runtime:
        refused, allowed = await shown(runtime), await shown(runtime, {"Authorization": "Bearer t"})
    assert (refused.status_code, allowed.status_code) == (401, 200)


async def test_other_formats_and_methods_are_as_prometheus_and_http_have_them() -> None:
    async with AsyncRuntime(Meter, instruments=[Metrics()], bind="127.0.0.1:0") as runtime:
        open_metrics = await shown(runtime, {"Accept": "application/openmetrics-text; version=1.0.0"})
        async with httpx.AsyncClient(base_url=runtime.urls[0]) as http:
            posted = await http.post("/metrics")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")


async def test_without_metrics_there_is_no_such_page() -> None:
    async with AsyncRuntime(Meter, bind="127.0.0.1:0") as runtime:
        assert (await shown(runtime)).status_code == 404


def client(app: Untyped) -> httpx.AsyncClient:
    """A client of *app*, whose types are narrower than httpx's."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


async def test_an_endpoint_shows_its_handlers() -> None:
    request = v3_pb2.ToFunction()
    batch = request.invocation
    batch.target.namespace, batch.target.type, batch.target.id = "test", "meter", "ada"
    batch.state.add(state_name="n")
    value = pack(3)
    argument = batch.invocations.add().argument
    argument.typename, argument.has_value, argument.value = value.typename, True, value.value
    app = create_app(Meter, instruments=[Metrics()])
    async with client(app) as http:
        octets = {"Content-Type": "application/octet-stream"}
        answer = await http.post("/statefun", content=request.SerializeToString(), headers=octets)
        found = samples((await http.get("/metrics")).text)
    async with client(create_app(Meter)) as http:
        without = await http.get("/metrics")

    assert answer.status_code == 200
    assert found["handler_seconds_count test/meter Meter.add"] == 1
    assert found["batch_messages_sum"] == 1
    assert without.status_code == 404


def test_the_types_that_senders_name_are_bounded() -> None:
    metrics = Metrics()
    for number in range(1_500):
        metrics.message_taken(MessageTaken(Address("x/y", "id"), "t", "send", None))
        metrics.message_taken(MessageTaken(Address(f"made-up/{number}", "id"), "t", "send", None))
    text = metrics.expose("")[1].decode()
    found = {name: value for name, value in samples(text).items() if name.startswith("messages_taken_total")}
    assert len(found) == 1_001
    assert found["messages_taken_total other send"] == 501
    assert found["messages_taken_total x/y send"] == 1_500


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("serve", "app.py", "--metrics", "--workers", "2"),
            "--metrics counts in one process: leave out --workers, or start several serve processes, each with a "
            "--bind of its own.",
        ),
        (
            ("run", "app.py", "--metrics", "--until-idle"),
            "--metrics is shown over HTTP; say where by --bind HOST:PORT.",
        ),
        (
            ("run", "app.py", "--metrics", "--bind", "none"),
            "--metrics is shown over HTTP; say where by --bind HOST:PORT.",
        ),
    ],
)
def test_the_command_line_refuses_metrics_without_a_listener(arguments: tuple[str, ...], error: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == f"Error: {error}"


class Asking(Entity, typename="test/asking"):
    @handles(int)
    def begin(self, message: int) -> int:
        self.ask(Address("nowhere/here", self.id), message, then=self.answered, timeout=timedelta(days=1))
        return message

    @answers
    def answered(self, message: int | NoAnswer) -> None: ...


async def test_the_open_asks_are_counted_through_answers_and_restarts(tmp_path: Path) -> None:
    async def until_open(runtime: AsyncRuntime, asks: int) -> None:
        async with asyncio.timeout(60):
            while True:
                if samples((await shown(runtime)).text).get("asks_open") == asks:
                    return
                await asyncio.sleep(0)

    def runtime() -> AsyncRuntime:
        return AsyncRuntime(Asking, store=tmp_path / "db", instruments=[Metrics()], bind="127.0.0.1:0")

    async with runtime() as first:
        for id in ("ada", "bob", "eve"):
            await first.ask(Asking.at(id), 1)
        await until_open(first, 3)
    async with runtime() as second:
        reader = open_reader(tmp_path / "db")
        token = next(ask.token for ask in open_asks(reader))
        reader.close()
        await second.answer(token, 1)
        await until_open(second, 2)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_values_are_shown_as_the_client_shows_its_own(metric: Metric) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    values, name = PrometheusValues(metric), f"statefun_actors_{metric.name}"
    ours.register(values)
    kinds: Mapping[str, Untyped] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
    buckets = {"buckets": metric.buckets} if metric.buckets else {}
    own: Untyped = kinds[metric.kind](name, metric.help, metric.labels, registry=theirs, **buckets)
    write = {"counter": "inc", "gauge": "set", "histogram": "observe"}[metric.kind]
    for series in ("a", 'b"\\', "a"):
        labels = [series] * len(metric.labels)
        for value in (0.0, *metric.buckets, 0.3, 7.0, 1e9):
            values.record(*labels)(value)
            getattr(own.labels(*labels) if labels else own, write)(value)

    def shown(registry: CollectorRegistry) -> list[str]:
        return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]

    assert shown(ours) == shown(theirs)
