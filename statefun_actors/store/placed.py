"""Renamed function types of a store with partitions."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from statefun_actors.store.opening import PARTITIONED


def placed_types(path: Path) -> Mapping[str, str]:
    """By function type, the former name with which its entities got their partitions in the folder *path*.

    Raises:
        StoreError: that can't be read, or a partition is missing.
    """
    placed: Mapping[str, str] = import_module(PARTITIONED).read_layout(path).placed
    return placed
