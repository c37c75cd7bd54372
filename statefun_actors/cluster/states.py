"""The states that a cluster can resume from: savepoints, and the checkpoints of its earlier runs.

Each run has its own folder of checkpoints, named for the time of its start. The folders of the last runs are kept,
whether they were stopped or killed: after a crash, a checkpoint may be the only state.
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
"""The number of earlier runs with a checkpoint that are kept."""
_DEPTHS: Final = ("*", "*/*", "*/*/*")
_METADATA: Final = "_metadata"
_LAST_SAVEPOINT: Final = "last-savepoint"


@attrs.frozen
class SavedState:
    """A savepoint or a checkpoint, and the time of its completion."""

    path: Path
    completed: datetime

    @property
    def kind(self) -> str:
        return "checkpoint" if is_checkpoint(self.path) else "savepoint"

    def __str__(self) -> str:
        return f"the {self.kind} {self.path}, completed {self.completed:%Y-%m-%d %H:%M:%S} UTC"


def is_checkpoint(path: Path) -> bool:
    """Whether the name of the folder *path* is that of a checkpoint of Flink."""
    return path.name.startswith("chk-")


def savepoint_in(path: Path) -> Path:
    """The savepoint or checkpoint at *path*, or the newest one inside it.

    Raises:
        SavepointError: there is none.
    """
    if (path / _METADATA).is_file():
        return path
    found = _newest([path])
    if found is None:
        raise SavepointError(
            f"{path} is not a savepoint or checkpoint, and contains none: either is a folder with a file _metadata."
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
    """As :func:`last_state`.

    Raises:
        SavepointError: there is none.
    """
    found = last_state(folder, savepoints)
    if found is None:
        raise SavepointError(
            f"nothing to resume from: {folder} has no checkpoint and names no savepoint. Omit --resume to read the "
            "topics from their beginning, or name a savepoint: --from-savepoint DIR."
        )
    return found


def note_savepoint(folder: Path, savepoint: Path) -> None:
    """Record *savepoint* as the last one of the cluster in *folder*."""
    (folder / _LAST_SAVEPOINT).write_text(f"{savepoint.absolute()}\n", encoding="utf-8")


def checkpoints_in(folder: Path) -> Path:
    """The folder in *folder* with the checkpoints of all runs."""
    return folder / "flink" / "checkpoints"


def clear_for_new_run(folder: Path, *keep: Path) -> None:
    """Remove files of earlier runs from *folder*, except Kafka's log and checkpoints that may be needed.

    The newest runs that completed a checkpoint stay, and so do the folders *keep*.
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
    """The newest state in one of *places*, or at most three folders below."""
    found = [
        SavedState(metadata.parent, datetime.fromtimestamp(metadata.stat().st_mtime, UTC))
        for place in places
        for metadata in (place / _METADATA, *(each for depth in _DEPTHS for each in place.glob(f"{depth}/{_METADATA}")))
        if metadata.is_file()
    ]
    return max(found, key=lambda state: state.completed, default=None)
