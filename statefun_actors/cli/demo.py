"""``statefun-actors demo``: a month of real flights, from an installed package."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from statefun_actors.cli.output import write

_FILES: Final = ("flights.py", "make_input.py", "report.py", "flights-2013-01.csv.gz", "SOURCE.md")
_RUN: Final = ("run", "flights.py", "--input", "flights.jsonl.gz", "--until-idle")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("flights-demo"))
def demo(folder: Path) -> None:
    """Run the example of the README: a month of real flights becomes durable aircraft.

    FOLDER gets the application, its data and its store; ./flights-demo unless given. It shows each command that it
    runs. Interrupt it, or kill it, and call it again: it resumes, and the result is the same. Files that FOLDER has
    already are kept, so a changed flights.py is the one that runs.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            if not (folder / name).exists():
                part = shutil.copyfile(_source() / name, folder / f"{name}.part")
                part.rename(folder / name)  # a killed copy must not be taken for the file
    except OSError as error:
        raise click.ClickException(f"{folder} can't be written: {error.strerror}; choose another folder") from error
    enter = f"cd {shlex.quote(str(folder))}"
    write(f"$ {enter}")
    if not (folder / ".statefun").exists():  # it is there once the input was complete
        _step(folder, "python make_input.py", "make_input.py")
    _step(folder, f"statefun-actors {' '.join(_RUN)}", "-m", "statefun_actors", *_RUN)
    _step(folder, "python report.py", "report.py")
    write(f"\nNext: {enter} && statefun-actors run flights.py, and open http://127.0.0.1:8080/.")


def _source() -> Path:
    """The folder of the example: in the installed package, or in a clone."""
    installed = Path(str(files("statefun_actors.cli"))) / "flights"
    return installed if installed.is_dir() else Path(str(files("statefun_actors"))).parent / "examples" / "flights"


def _step(folder: Path, shown: str, *arguments: str) -> None:
    """Run Python with *arguments* in *folder*. If it fails, end with its exit code."""
    write(f"$ {shown}")
    finished = subprocess.run([sys.executable, *arguments], cwd=folder, check=False)
    if finished.returncode:
        raise SystemExit(finished.returncode if finished.returncode > 0 else 128 - finished.returncode)
