"""The cost of telemetry: ``python -m tests.benchmarks.telemetry``.

Messages of an ``AsyncRuntime`` with SQLite, handled by a handler that sends one message each, in turns:

- off: no instrument, but OpenTelemetry is imported, without a provider. Aim: as many as with a runtime that never looks
  for one, which is what the code was before there were traces.
- traces: a span for each message, and an exporter that drops them.
- by hand: the same spans, which the handlers start themselves: the floor, since this is all OpenTelemetry's SDK. It
  takes about as long for a span as the engine takes for a message, so no code that calls it reaches 0.7 times the
  messages a second of "off". Aim of "traces": 0.7 times this floor, although its messages carry their trace and its
  spans have parents in addition. Its share of "off" is shown without an aim, next to that of the floor.
- sampled out: the asks belong to a trace that is not sampled. Aim: at least 0.7 times "off".
- metrics: for Prometheus. Aim: at least 0.7 times, too.

Then the same over HTTP, as a caller sees it: durable asks of a server in a process of its own, over 32 connections, for
each of which two messages are handled:

- traces: two spans for each ask. Aim: at least 0.7 times "off", which the SDK's part alone misses: the same spans by
  hand are shown next to it.
- one of 100 sampled: by the SDK's sampler, as the documentation advises. Aim: at least 0.7 times "off".

Rates are messages, or asks, per second of processor time of the process that handles them, so that other load matters
little.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer, use_span

from statefun_actors import Address, AsyncRuntime, Entity, Instrument, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.telemetry import Metrics, Traces, with_global_providers
from tests.benchmarks.figures import Figure, parser_of, report
from tests.benchmarks.restate.load import request, send
from tests.benchmarks.restate.servers import Process

_KEYS: Final = 100
_CONNECTIONS: Final = 32
_UNSAMPLED: Final = NonRecordingSpan(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(0)))
_BY_HAND: Final[list[Tracer]] = []
"""The tracer with which handlers start spans by hand; empty if they do not."""


def _span(typename: str, id: str) -> AbstractContextManager[object]:
    """The span that a handler starts by hand; without a tracer, a context that does nothing."""
    if not _BY_HAND:
        return nullcontext()
    attributes = {
        "messaging.system": "statefun_actors",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": typename,
        "statefun_actors.entity.id": id,
        "statefun_actors.message.type": "io.statefun.types/long",
        "statefun_actors.caller.type": "bench/first",
        "statefun_actors.handler": "First.add",
    }
    return _BY_HAND[0].start_as_current_span(f"process {typename}", None, SpanKind.CONSUMER, attributes)


class First(Entity, typename="bench/first"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        with _span("bench/first", self.id):
            self.n += message
            self.send(Address("bench/second", self.id), message)
            return self.n


class Second(Entity, typename="bench/second"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        with _span("bench/second", self.id):
            self.n += message


class _Dropping(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _provider(share: float = 1.0) -> TracerProvider:
    provider = TracerProvider(ParentBasedTraceIdRatio(share), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(_Dropping()))
    return provider


VARIANTS: Final[Mapping[str, Callable[[], Sequence[Instrument]]]] = {
    "before": lambda: (),
    "off": lambda: with_global_providers(()),
    "traces": lambda: [Traces(_provider())],
    "by hand": lambda: (),
    "sampled out": lambda: [Traces(_provider())],
    "metrics": lambda: [Metrics()],
}


OVER_HTTP: Final[Mapping[str, Callable[[], Sequence[Instrument]]]] = {
    **{name: VARIANTS[name] for name in ("off", "traces", "by hand")},
    "one of 100 sampled": lambda: [Traces(_provider(0.01))],
}


def _set_up(variant: str) -> None:
    """What handlers do in *variant*."""
    _BY_HAND[:] = [_provider().get_tracer("by hand")] if variant == "by hand" else []


async def rate(instruments: Sequence[Instrument], folder: Path, messages: int) -> float:
    """Messages per second of processor time."""
    runtime = AsyncRuntime(First, Second, store=folder / "bench.db")
    # In place of the constructor's own look for providers, which "before" must not have.
    runtime.app = Application(First, Second, instruments=instruments)
    async with runtime:
        targets = [First.at(str(number % _KEYS)) for number in range(messages)]
        gc.collect()
        began = time.process_time()
        for begin in range(0, messages, _KEYS):
            await asyncio.gather(*(runtime.ask(target, 1) for target in targets[begin : begin + _KEYS]))
        return 2 * messages / (time.process_time() - began)


def rounds(count: int, messages: int) -> Mapping[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for number in range(count + 1):
        for name, instruments in VARIANTS.items():
            _set_up(name)
            caller = use_span(_UNSAMPLED) if name == "sampled out" else nullcontext()
            with tempfile.TemporaryDirectory() as folder, caller:
                found = asyncio.run(rate(instruments(), Path(folder), messages))
            if number:  # the first round warms up
                rates[name].append(found)
    return rates


async def serve(instruments: Sequence[Instrument], store: Path) -> None:
    """The server of asks over HTTP; prints where it listens, and runs until it is ended."""
    async with AsyncRuntime(First, Second, store=store, bind="127.0.0.1:0", instruments=instruments) as runtime:
        print(runtime.urls[0], flush=True)
        await asyncio.Event().wait()


@contextmanager
def serving(variant: str) -> Generator[Callable[[float], float]]:
    """Asks a server for some seconds; returns asks per second of its processor time."""
    with tempfile.TemporaryDirectory() as folder:
        module = (sys.executable, "-m", "tests.benchmarks.telemetry")
        server = Process(*module, "--serve", variant, "--store", Path(folder) / "bench.db")
        try:
            found = server.line_with(r"http://([\d.]+):(\d+)")
            host, port = found[1], int(found[2])
            paths = [f"/ingress/bench/first/{key}?wait=30s" for key in range(_KEYS)]
            requests = [request(host, port, path, b"1", "application/json") for path in paths]

            def ask(seconds: float) -> float:
                used = server.cpu_seconds()
                load = send(host, port, requests, connections=_CONNECTIONS, seconds=seconds)
                return load.answered / (server.cpu_seconds() - used)

            yield ask
        finally:
            server.close()


def over_http(options: argparse.Namespace) -> list[Figure]:
    rates: dict[str, list[float]] = {name: [] for name in OVER_HTTP}
    with ExitStack() as servers:
        asks = {name: servers.enter_context(serving(name)) for name in OVER_HTTP}
        for number in range(options.rounds + 1):
            for name, ask in asks.items():
                found = ask(options.seconds)
                if number:  # the first round warms up
                    rates[name].append(found)
    off = rates["off"]
    print(
        f"over HTTP, by hand: {statistics.median(rates['by hand']) / statistics.median(off):.2f} times the asks of off"
    )
    return [
        Figure(name=f"asks over HTTP, {name}", ours=rates[name], peer="off", theirs=off, aim=0.7)
        for name in ("traces", "one of 100 sampled")
    ]


def figures(rates: Mapping[str, list[float]]) -> list[Figure]:
    before, off = rates["before"], rates["off"]
    return [
        Figure(name="messages, telemetry off", ours=off, peer="without a look for it", theirs=before, aim=0.95),
        Figure(name="messages, traces", ours=rates["traces"], peer="spans by hand", theirs=rates["by hand"], aim=0.7),
        Figure(name="messages, traces sampled out", ours=rates["sampled out"], peer="off", theirs=off, aim=0.7),
        Figure(name="messages, metrics for Prometheus", ours=rates["metrics"], peer="off", theirs=off, aim=0.7),
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=5_000, help="asks in a round")
    parser.add_argument("--seconds", type=float, default=1.0, help="for which a server is asked in a round")
    parser.add_argument("--serve", choices=OVER_HTTP, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _set_up(options.serve)
        asyncio.run(serve(OVER_HTTP[options.serve](), options.store))
        return
    rates = rounds(options.rounds, options.messages)
    off = statistics.median(rates["off"])
    for name in ("by hand", "traces"):
        print(f"{name}: {statistics.median(rates[name]) / off:.2f} times the messages of off")
    report([*figures(rates), *over_http(options)], options)


if __name__ == "__main__":
    main()
