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


def keep_savepoint(folder: Path, checkpoints: Path, savepoint: Path) -> None:
    """Make *savepoint* the last one of the cluster in *folder*, and copy the files in *checkpoints* of its run to it.

    Raises:
        SavepointError: the disk is full, or a file can't be written. The savepoint is complete all the same.
    """
    from statefun_actors.cluster import SavepointError, note_savepoint

    try:
        note_savepoint(folder, savepoint)
        for name in (STATES, MODULE, KAFKA):
            shutil.copyfile(checkpoints / name, savepoint / name)
    except OSError as error:
        raise SavepointError(
            f"the savepoint {savepoint} is complete, but the files next to it, or the note of it in {folder}, can't be "
            f"written: {error.strerror or error}. Resume from it by --from-savepoint {savepoint}; it may not be "
            "checked against the application."
        ) from error


def read_clusters(path: Path) -> Mapping[str, str]:
    """The ids in the file *path*, by component; those that were unknown are missing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} can't be read: {error}.") from None
    items = found.items() if isinstance(found, dict) else ()
    return {str(name): id for name, id in items if isinstance(id, str)}
