"""Restate's server from npm and its SDK from PyPI, fetched once into the temporary folder. Nothing of it is ours."""

from __future__ import annotations

import sys
import tempfile
import venv
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.peers.installed import install_or_refuse

SERVER: Final = "1.7.12"
SDK: Final = "1.3.0"


class Restate(NamedTuple):
    """The programs that can be started."""

    server: Path
    python: Path


def restate() -> Restate:
    """The server's program, and the interpreter that has the SDK, with uvicorn on uvloop and httptools.

    Raises:
        CannotMeasureError: they can't be installed.
    """
    folder = Path(tempfile.gettempdir()) / "statefun-actors-benchmarks" / f"restate-{SERVER}-{SDK}"
    python = folder / "venv" / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        print(f"installing Restate {SERVER} and restate-sdk {SDK} in {folder}", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        npm = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        install_or_refuse(f"Restate {SERVER}", [*npm, f"@restatedev/restate-server@{SERVER}"], folder)
        venv.EnvBuilder(clear=True, with_pip=True).create(folder / "venv")
        packages = (f"restate-sdk=={SDK}", "uvicorn", "uvloop", "httptools")
        install_or_refuse(f"restate-sdk {SDK}", [python, "-m", "pip", "install", "--quiet", *packages])
        done.touch()
    (server,) = (folder / "node_modules" / "@restatedev").glob("restate-server-*/bin/restate-server")
    return Restate(server, python)
