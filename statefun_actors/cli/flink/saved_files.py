"""The files next to a savepoint, and in the folder of a run's checkpoints: what a later run is checked against."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from statefun_actors.deploy import Lock, Module

STATES: Final = "statefun-actors-states.yaml"
"""The lock of the application that wrote the state."""
MODULE: Final = "statefun-actors-module.yaml"
"""The module.yaml that it ran with."""
KAFKA: Final = "statefun-actors-kafka.json"
"""The ids of its Kafka clusters, as far as they were known."""


def note_application(folder: Path, states: Lock, module: Module, clusters: Mapping[str, str | None]) -> None:
    """Write the files to *folder*, which is created if it is missing."""
    from statefun_actors.deploy import write_lock, write_module

    folder.mkdir(parents=True, exist_ok=True)
    write_lock(folder / STATES, states)
    (folder / MODULE).write_text(write_module(module), encoding="utf-8")
    (folder / KAFKA).write_text(json.dumps(clusters, indent=2), encoding="utf-8")


def copy_notes(checkpoints: Path, savepoint: Path) -> None:
    """Copy the files of a run, which are in its folder *checkpoints*, to its *savepoint*."""
    for name in (STATES, MODULE, KAFKA):
        shutil.copyfile(checkpoints / name, savepoint / name)


def read_clusters(path: Path) -> Mapping[str, str]:
    """The ids in the file *path*, by component; those that were unknown are missing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} can't be read: {error}.") from None
    items = found.items() if isinstance(found, dict) else ()
    return {str(name): id for name, id in items if isinstance(id, str)}
