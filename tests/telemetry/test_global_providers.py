"""Traces start by themselves if the program has set up OpenTelemetry, and only then."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from opentelemetry import metrics, trace
from opentelemetry.metrics import Meter, MeterProvider, NoOpMeter

from statefun_actors import AsyncRuntime, Entity, Instrument, Runtime, handles
from statefun_actors.cli import main
from statefun_actors.telemetry import Traces, with_global_providers
from tests.telemetry.spans import Spans

_APP = """
from statefun_actors import Entity, handles


class Plain(Entity, typename="global/plain"):
    @handles(int)
    def add(self, message: int) -> int:
        return message
"""


class Plain(Entity, typename="global/plain"):
    @handles(int)
    def add(self, message: int) -> int:
        return message


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """Spans of a provider that is the global one: the real one can be set only once in a process."""
    spans = Spans()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: spans.provider)
    for name in ("OTEL_SDK_DISABLED", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"):
        monkeypatch.delenv(name, raising=False)
    return spans


def kinds(instruments: Sequence[Instrument]) -> list[type]:
    return [type(each) for each in instruments]


def test_a_runtime_traces_with_the_global_provider(spans: Spans) -> None:
    with Runtime(Plain) as runtime:
        assert runtime.ask(Plain.at("ada"), 3) == 3
    assert spans.of("Plain.add").name == "process global/plain"


def test_run_traces_with_the_global_provider(spans: Spans, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(_APP)
    (tmp_path / "in.jsonl").write_text('{"to": "global/plain/ada", "value": 1}\n')
    command = ["run", str(tmp_path / "app.py"), "--memory", "--until-idle", "--input", str(tmp_path / "in.jsonl")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert spans.of("Plain.add").name == "process global/plain"


def test_the_programs_own_traces_are_not_doubled(spans: Spans) -> None:
    own = spans.traces()
    assert list(with_global_providers([own])) == [own]


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_SDK_DISABLED", "true"), ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "httpx, statefun_actors")],
)
def test_the_standard_variables_turn_traces_off(
    spans: Spans, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert kinds(with_global_providers(())) == [Traces]
    monkeypatch.setenv(name, value)
    assert kinds(with_global_providers(())) == []


@pytest.mark.parametrize("provider", [trace.ProxyTracerProvider(), trace.NoOpTracerProvider()])
def test_without_a_provider_nothing_is_traced(monkeypatch: pytest.MonkeyPatch, provider: trace.TracerProvider) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    app = AsyncRuntime(Plain).app
    assert app.instruments.propagation is None
    assert not app.instruments.observe_batches


@pytest.mark.parametrize("missing", ["create_gauge", "create_histogram"])
def test_a_program_runs_with_an_opentelemetry_that_cannot_be_used(
    spans: Spans, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    class Old(NoOpMeter):
        def __getattribute__(self, name: str) -> object:
            if name == missing:
                raise AttributeError(f"there is no {missing}")
            return super().__getattribute__(name)

    class Provider(MeterProvider):
        def get_meter(self, *args: object, **options: object) -> Meter:
            return Old("old")

    monkeypatch.setattr(metrics, "get_meter_provider", Provider)
    monkeypatch.setattr(metrics, "get_meter", lambda *_: Old("old"))
    with Runtime(Plain) as runtime:
        assert runtime.ask(Plain.at("ada"), 3) == 3
    assert spans.of("Plain.add").name == "process global/plain"
    [record] = [record for record in caplog.records if record.name == "statefun_actors.telemetry"]
    assert record.getMessage() == (
        "this application runs without OtelMetrics, since the OpenTelemetry of the program cannot be used: "
        f"AttributeError: there is no {missing}. Install opentelemetry-api 1.30 or later, or set OTEL_SDK_DISABLED=true"
    )


def test_a_program_runs_if_its_provider_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none() -> trace.TracerProvider:
        raise StopIteration  # as with OTEL_PYTHON_TRACER_PROVIDER=unknown

    monkeypatch.setattr(trace, "get_tracer_provider", none)
    assert kinds(with_global_providers(())) == []
    [record] = [record for record in caplog.records if record.name == "statefun_actors.telemetry"]
    assert record.getMessage() == (
        "this application runs without Traces, since the OpenTelemetry of the program cannot be used: "
        "StopIteration: StopIteration(). Install opentelemetry-api 1.30 or later, or set OTEL_SDK_DISABLED=true"
    )


def test_a_program_without_opentelemetry_loads_nothing_of_it() -> None:
    code = "import sys; from statefun_actors import Runtime; print([m for m in sys.modules if 'telemetry.' in m])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "['statefun_actors.telemetry.global_providers']\n"


def test_the_traces_need_their_extra() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; from statefun_actors.telemetry import Traces"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        'ImportError: statefun_actors.telemetry.Traces needs opentelemetry-api: pip install "statefun-actors[otel]"'
    )
