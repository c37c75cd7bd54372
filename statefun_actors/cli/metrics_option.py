"""``--metrics`` of ``run``, ``serve`` and ``gateway``."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from statefun_actors.dispatch import Instrument

metrics_option: Final = click.option(
    "--metrics", is_flag=True, help="Show metrics for Prometheus at GET /metrics. Needs statefun-actors[metrics]."
)


def metrics_instruments(wanted: bool) -> Sequence[Instrument]:
    """The instruments that ``--metrics`` adds. Raises click.UsageError: what they need is not installed."""
    if not wanted:
        return ()
    if importlib.util.find_spec("prometheus_client") is None:
        raise click.UsageError('--metrics needs prometheus-client: pip install "statefun-actors[metrics]".')
    from statefun_actors.telemetry import Metrics

    return (Metrics(),)
