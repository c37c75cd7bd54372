"""Finds out, once per application, whether the program has set up OpenTelemetry."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from statefun_actors.dispatch import Instrument
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe

logger: Final = own_logger("statefun_actors.telemetry")

_NAME: Final = "statefun_actors"
_UNSET: Final = frozenset(
    {"ProxyTracerProvider", "NoOpTracerProvider", "_ProxyMeterProvider", "ProxyMeterProvider", "NoOpMeterProvider"}
)
"""The classes of providers that stand for none. That of meters has no public name."""

_INSTRUMENTS: Final = (
    ("opentelemetry.trace", "get_tracer_provider", "traces", "Traces"),
    ("opentelemetry.metrics", "get_meter_provider", "otel_metrics", "OtelMetrics"),
)
"""The modules of the API, the functions that return their global providers, and the instruments for these."""


def with_global_providers(instruments: Sequence[Instrument]) -> Sequence[Instrument]:
    """*instruments*, and ``Traces`` and ``OtelMetrics`` for the global providers that the program has set.

    One that *instruments* holds already is not added. If OpenTelemetry refuses one, that is logged. This costs one look
    at the loaded modules if nothing has imported OpenTelemetry. ``OTEL_SDK_DISABLED=true`` turns it off, and so does
    ``statefun_actors`` in ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
    """
    loaded = [(sys.modules[each[0]], *each[1:]) for each in _INSTRUMENTS if each[0] in sys.modules]
    if not loaded or _disabled():
        return instruments
    added: list[Instrument] = []
    for api, get_provider, module, name in loaded:
        try:
            if _is_set(getattr(api, get_provider)()):
                # Loaded here: these modules need OpenTelemetry, which is an optional dependency.
                kind: type[Instrument] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
                if not any(isinstance(each, kind) for each in instruments):
                    added.append(kind())
        except Exception as error:  # the program did not ask for telemetry here, so it has to run
            logger.warning(
                "this application runs without %s, since the OpenTelemetry of the program cannot be used: %s. "
                "Install opentelemetry-api 1.30 or later, or set OTEL_SDK_DISABLED=true",
                name,
                describe(error),
            )
    return (*instruments, *added)


def _is_set(provider: object) -> bool:
    return type(provider).__name__ not in _UNSET


def _disabled() -> bool:
    environment = os.environ
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return True
    names = environment.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return _NAME in {name.strip() for name in names}
