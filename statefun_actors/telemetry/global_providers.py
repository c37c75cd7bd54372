"""Finds out, once per application, whether the program has set up OpenTelemetry."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from statefun_actors.dispatch import Instrument

_NAME: Final = "statefun_actors"
_UNSET: Final = frozenset(
    {"ProxyTracerProvider", "NoOpTracerProvider", "_ProxyMeterProvider", "ProxyMeterProvider", "NoOpMeterProvider"}
)
"""The classes of providers that stand for none. That of meters has no public name."""


def with_global_providers(instruments: Sequence[Instrument]) -> Sequence[Instrument]:
    """*instruments*, and ``Traces`` and ``OtelMetrics`` for the global providers that the program has set.

    One that *instruments* holds already is not added. This costs one look at the loaded modules if nothing has imported
    OpenTelemetry. ``OTEL_SDK_DISABLED=true`` turns it off, and so does ``statefun_actors`` in
    ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
    """
    traces, metrics = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.metrics")
    if (traces is None and metrics is None) or _disabled():
        return instruments
    added: list[Instrument] = []
    # Loaded here: these modules import OpenTelemetry, which is not everybody's.
    if traces is not None and _is_set(traces.get_tracer_provider()):
        added.append(importlib.import_module(f"{__package__}.traces").Traces())
    if metrics is not None and _is_set(metrics.get_meter_provider()):
        added.append(importlib.import_module(f"{__package__}.otel_metrics").OtelMetrics())
    return (*instruments, *(new for new in added if not any(isinstance(each, type(new)) for each in instruments)))


def _is_set(provider: object) -> bool:
    return type(provider).__name__ not in _UNSET


def _disabled() -> bool:
    environment = os.environ
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return True
    names = environment.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return _NAME in {name.strip() for name in names}
