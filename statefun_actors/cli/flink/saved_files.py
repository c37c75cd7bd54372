"""The files next to a savepoint, and in the folder of a run's checkpoints: what a later run is checked against."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from statefun_actors.deploy import Lock, Module, TopicIds

STATES: Final = "statefun-actors-states.yaml"
"""The lock of the application that wrote the state."""
MODULE: Final = "statefun-actors-module.yaml"
"""The module.yaml that it ran with."""
KAFKA: Final = "statefun-actors-kafka.json"
"""The ids of its Kafka clusters and of the topics that it reads, as far as they were known."""
_TOPICS: Final = "topics"
"""The key of the ids of topics in that file; those of clusters have the names of components, with a space."""


def note_application(
    folder: Path, states: Lock, module: Module, clusters: Mapping[str, str | None], topics: TopicIds
) -> None:
    """Write the files to *folder*, which is created if it is missing."""
    from statefun_actors.deploy import write_lock, write_module

    folder.mkdir(parents=True, exist_ok=True)
    write_lock(folder / STATES, states)
    (folder / MODULE).write_text(write_module(module), encoding="utf-8")
    note_kafka(folder, clusters, topics)


def note_kafka(folder: Path, clusters: Mapping[str, str | None], topics: TopicIds) -> None:
    """Write the file of the ids to *folder*, as a whole: a savepoint may be taken at the same time."""
    written = folder / f"{KAFKA}.new"
    written.write_text(json.dumps({**clusters, _TOPICS: topics}, indent=2), encoding="utf-8")
    written.replace(folder / KAFKA)


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


def read_kafka(path: Path) -> tuple[Mapping[str, str], TopicIds]:
    """The ids of clusters in the file *path*, by component, and those of topics, as far as they were known."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} can't be read: {error}.") from None
    items = found.items() if isinstance(found, dict) else ()
    clusters = {str(name): id for name, id in items if isinstance(id, str)}
    topics = found.get(_TOPICS) if isinstance(found, dict) else None
    return clusters, {
        str(ingress): {str(topic): id for topic, id in ids.items() if isinstance(id, str)}
        for ingress, ids in (topics.items() if isinstance(topics, dict) else ())
        if isinstance(ids, dict)
    }
