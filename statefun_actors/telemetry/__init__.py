"""Telemetry in standard forms: metrics, and traces by OpenTelemetry. It is fed by instruments alone.

Importing this package loads no library of either: each name is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Final

from statefun_actors.telemetry.global_providers import with_global_providers

if TYPE_CHECKING:
    from statefun_actors.telemetry.metrics import Metrics
    from statefun_actors.telemetry.otel_metrics import OtelMetrics
    from statefun_actors.telemetry.traces import Traces

__all__ = ["Metrics", "OtelMetrics", "Traces", "with_global_providers"]

_MODULE_OF: Final = {"Metrics": "metrics", "OtelMetrics": "otel_metrics", "Traces": "traces"}


def __getattr__(name: str) -> object:
    """Load a public name on first use, and keep it."""
    if (module := _MODULE_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return found
