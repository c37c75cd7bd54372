"""Telemetry in standard forms: metrics for Prometheus. It is fed by instruments alone."""

from statefun_actors.telemetry.metrics import Metrics

__all__ = ["Metrics"]
