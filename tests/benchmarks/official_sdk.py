"""Virtual environments with Apache's SDK, made once in the temporary folder.

``SDK-pip`` is the SDK as pip installs it: it demands protobuf < 4, whose newest release has no C code for a current
Python. ``SDK-upb`` is the same code on the protobuf that we run on; its generated code is of the first kind that
registers a serialized file, and that is still read.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

VERSION: Final = "3.3.0"
KINDS: Final = ("SDK-pip", "SDK-upb")


def python_with_sdk(kind: str, version: str = VERSION) -> Path:
    """The interpreter of the environment *kind*, which is made where there is none yet."""
    folder = Path(tempfile.gettempdir()) / "statefun-actors-benchmarks" / f"{kind}-{version}"
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        print(f"installing apache-flink-statefun {version} as {kind} in {folder}", file=sys.stderr)
        venv.EnvBuilder(clear=True, with_pip=True).create(folder)
        if kind == "SDK-pip":
            _install(python, f"apache-flink-statefun=={version}", "aiohttp")
        else:
            _install(python, "--no-deps", f"apache-flink-statefun=={version}")
            _install(python, f"protobuf=={_own_protobuf()}", "aiohttp")
        done.touch()
    return python


def _own_protobuf() -> str:
    import google.protobuf

    return google.protobuf.__version__


def _install(python: Path, *what: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *what], check=True)
