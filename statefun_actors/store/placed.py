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


def place_renamed(path: Path, renamed: Mapping[str, str]) -> Mapping[str, str]:
    """Note in the folder *path* where entities of renamed types are, as a run does; returns :func:`placed_types`.

    *renamed*: the current function types, by former ones. All former names of one type must be there.

    Raises:
        StoreInUseError: that was not noted before, and an engine or a command uses a partition.
        StoreError: entities of two names of one type got their partitions by both; or a partition can't be opened.
    """
    partitioned = import_module(PARTITIONED)
    placed: Mapping[str, str] = partitioned.place_renamed(path, partitioned.read_layout(path), renamed).placed
    return placed
