"""The files next to a savepoint, and in the folder of a run's checkpoints: what a later run is checked against."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from statefun_actors.deploy import Lock, Module

STATES: Final = "statefun-actors-states.yaml"
"""The lock of the application that wrote the state."""
MODULE: Final = "statefun-actors-module.yaml"
"""The module.yaml that it ran with."""


def note_application(folder: Path, states: Lock, module: Module) -> None:
    """Write the files to *folder*, which is created if it is missing."""
    from statefun_actors.deploy import write_lock, write_module

    folder.mkdir(parents=True, exist_ok=True)
    write_lock(folder / STATES, states)
    (folder / MODULE).write_text(write_module(module), encoding="utf-8")


def copy_notes(checkpoints: Path, savepoint: Path) -> None:
    """Copy the files of a run, which are in its folder *checkpoints*, to its *savepoint*."""
    for name in (STATES, MODULE):
        shutil.copyfile(checkpoints / name, savepoint / name)
