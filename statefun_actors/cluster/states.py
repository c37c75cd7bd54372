"""The states that a cluster can resume from: savepoints, and the checkpoints that its earlier runs have left.

Each run has a folder of its own for its checkpoints, named for the time at which it started. The folders of the last
runs stay, whether they were stopped or killed: a checkpoint may be all that is left of a crash.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.cluster.errors import SavepointError

_KEPT_RUNS: Final = 2
"""Runs with a checkpoint that are kept beside the current one."""
_DEPTHS: Final = ("*", "*/*", "*/*/*")
_METADATA: Final = "_metadata"
_LAST_SAVEPOINT: Final = "last-savepoint"


@attrs.frozen
class SavedState:
    """A savepoint or a checkpoint, and when it was completed."""

    path: Path
    completed: datetime

    @property
    def kind(self) -> str:
        return "checkpoint" if is_checkpoint(self.path) else "savepoint"

    def __str__(self) -> str:
        return f"the {self.kind} {self.path}, completed {self.completed:%Y-%m-%d %H:%M:%S} UTC"


def is_checkpoint(path: Path) -> bool:
    """Whether the folder *path* is named as Flink names a checkpoint."""
    return path.name.startswith("chk-")


def savepoint_in(path: Path) -> Path:
    """The savepoint or checkpoint at *path*, or the newest one in it.

    Raises:
        SavepointError: there is none.
    """
    if (path / _METADATA).is_file():
        return path
    found = _newest([path])
    if found is None:
        raise SavepointError(
            f"{path} is no savepoint or checkpoint, and holds none: either is a folder with a file _metadata."
        )
    return found.path


def last_state(folder: Path, savepoints: Path | None = None) -> SavedState | None:
    """The newest state of the cluster in *folder*: a checkpoint, its last savepoint, or one in *savepoints*."""
    places = [checkpoints_in(folder), *([] if savepoints is None else [savepoints])]
    note = folder / _LAST_SAVEPOINT
    if note.is_file():
        places.append(Path(note.read_text(encoding="utf-8").strip()))
    return _newest(places)


def resume_from(folder: Path, savepoints: Path | None = None) -> SavedState:
    """The same.

    Raises:
        SavepointError: there is none.
    """
    found = last_state(folder, savepoints)
    if found is None:
        raise SavepointError(
            f"there is nothing to resume from: {folder} has no checkpoint and remembers no savepoint. Leave --resume "
            "out to read the topics from their beginning, or name a savepoint: --from-savepoint DIR."
        )
    return found


def note_savepoint(folder: Path, savepoint: Path) -> None:
    """Remember *savepoint* as the last one of the cluster in *folder*."""
    (folder / _LAST_SAVEPOINT).write_text(f"{savepoint.absolute()}\n", encoding="utf-8")


def checkpoints_in(folder: Path) -> Path:
    """Where the runs of the cluster in *folder* keep their checkpoints."""
    return folder / "flink" / "checkpoints"


def clear_for_new_run(folder: Path, *keep: Path) -> None:
    """Remove what earlier runs left in *folder* beside Kafka's log, but for checkpoints that may be needed.

    The newest runs that completed a checkpoint stay, and so do the folders *keep*, wherever they are.
    """
    checkpoints = checkpoints_in(folder)
    for path in (folder / "logs", *_children(folder / "flink")):
        if path != checkpoints:
            _remove(path, keep)
    runs = _children(checkpoints)
    newest = {run: state.completed for run in runs if (state := _newest([run])) is not None}
    kept = sorted(newest, key=lambda run: newest[run], reverse=True)[:_KEPT_RUNS]
    for run in runs:
        if run not in kept:
            _remove(run, keep)


def _remove(path: Path, keep: Iterable[Path]) -> None:
    if any(each.resolve().is_relative_to(path.resolve()) for each in keep):
        return
    shutil.rmtree(path, ignore_errors=True)


def _children(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _newest(places: Iterable[Path]) -> SavedState | None:
    """The newest state at one of *places*, or at most three folders below it."""
    found = [
        SavedState(metadata.parent, datetime.fromtimestamp(metadata.stat().st_mtime, UTC))
        for place in places
        for metadata in (place / _METADATA, *(each for depth in _DEPTHS for each in place.glob(f"{depth}/{_METADATA}")))
        if metadata.is_file()
    ]
    return max(found, key=lambda state: state.completed, default=None)
