"""Sources of a run: names of input files in the store, and Kafka ingresses of a module.yaml."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from statefun_actors.system import real_path

if TYPE_CHECKING:
    from statefun_actors.connectors.kafka import KafkaSource
    from statefun_actors.deploy import KafkaIngress


def kafka_sources(
    ingresses: Sequence[KafkaIngress], closing: contextlib.ExitStack, *, until_end: bool
) -> dict[str, KafkaSource]:
    """The sources of *ingresses*, by their names in the store, open until *closing* is left.

    Raises:
        BadPropertyError: the properties of an ingress are invalid for a consumer.
    """
    if not ingresses:
        return {}
    from statefun_actors.connectors.kafka import KafkaSource, ReaderOptions

    found: dict[str, KafkaSource] = {}
    for ingress in ingresses:
        source = KafkaSource(ingress, ReaderOptions(until_end=until_end))
        closing.callback(source.close)
        found[topics_name(ingress)] = source
    return found


def topics_name(ingress: KafkaIngress) -> str:
    """The name of *ingress* in the store."""
    return f"kafka:{ingress.id}"


def input_name(path: Path, store: Path | None) -> str:
    """The name of an input in the store: its path relative to the store, so that both can be moved together."""
    if store is None:
        return str(path)
    try:
        return Path(os.path.relpath(real_path(path), real_path(store).parent)).as_posix()
    except ValueError:  # on another drive
        return real_path(path).as_posix()
