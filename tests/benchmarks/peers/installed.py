"""Virtual environments with the packages of a peer, made once in the temporary folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from statefun_actors.cluster import missing_tool
from tests.benchmarks.figures import CannotMeasureError


def python_with(name: str, version: str, *packages: str) -> Path:
    """The interpreter of an environment with *packages*, named by *name* and *version*.

    Raises:
        CannotMeasureError: they can't be installed.
    """
    folder = Path(tempfile.gettempdir()) / "statefun-actors-benchmarks" / f"{name}-{version}"
    python, done = folder / "bin" / "python", folder / "done"
    if not done.exists():
        print(f"installing {name} {version} in {folder}", file=sys.stderr)
        venv.EnvBuilder(clear=True).create(folder)  # a pip of its own would take longer than all the rest
        pip = [sys.executable, "-m", "pip", f"--python={folder}", "--disable-pip-version-check"]
        install_or_refuse(f"{name} {version}", [*pip, "install", "--quiet", "--no-compile", *packages])
        done.touch()
    return python


def install_or_refuse(what: str, command: Sequence[str | Path], cwd: Path | None = None) -> None:
    """Run *command*, which installs *what*.

    Raises:
        CannotMeasureError: it fails, or there is no such program.
    """
    try:
        done = subprocess.run(command, check=False, cwd=cwd, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise CannotMeasureError(f"{what} needs {command[0]}, which is not installed") from None
    if done.returncode:
        shown = done.stderr.strip().splitlines() or [f"{command[0]} ended with {done.returncode}"]
        raise CannotMeasureError(f"{what} can't be installed: {shown[-1]}")


def flink_and_kafka() -> None:
    """Do nothing where Flink and Kafka can be started.

    Raises:
        CannotMeasureError: a program that they need is missing.
    """
    if (lacking := missing_tool()) is not None:
        raise CannotMeasureError(f"Flink and Kafka can't be started: {lacking}")
