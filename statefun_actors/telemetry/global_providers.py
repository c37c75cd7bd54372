"""Finds out, once per application, whether the program has set up OpenTelemetry."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from statefun_actors.dispatch import Instrument, Propagating

_NAME: Final = "statefun_actors"


def with_global_providers(instruments: Sequence[Instrument]) -> Sequence[Instrument]:
    """*instruments*, and ``Traces`` if the program has set a global tracer provider and they hold none.

    That costs one look at the loaded modules if nothing has imported OpenTelemetry. ``OTEL_SDK_DISABLED=true`` turns it
    off, and so does ``statefun_actors`` in ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
    """
    if (api := sys.modules.get("opentelemetry.trace")) is None or _disabled():
        return instruments
    if isinstance(api.get_tracer_provider(), (api.ProxyTracerProvider, api.NoOpTracerProvider)):
        return instruments
    if any(isinstance(each, Propagating) for each in instruments):
        return instruments
    # Loaded here: traces.py imports OpenTelemetry, which is not everybody's.
    traces: Instrument = importlib.import_module(f"{__package__}.traces").Traces()
    return (*instruments, traces)


def _disabled() -> bool:
    environment = os.environ
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return True
    names = environment.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return _NAME in {name.strip() for name in names}
