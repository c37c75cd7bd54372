"""Virtual environments with Apache's SDK, made once in the temporary folder.

``SDK-pip`` is the SDK as pip installs it: it demands protobuf < 4, whose newest release has no C code for a current
Python. ``SDK-upb`` is the same code on the protobuf that we run on; its generated code is of the first kind that
registers a serialized file, and that is still read.
"""

from __future__ import annotations

import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

from tests.benchmarks.peers.installed import install_or_refuse

VERSION: Final = "3.3.0"
KINDS: Final = ("SDK-pip", "SDK-upb")


def python_with_sdk(kind: str, version: str = VERSION, *, server: bool = True) -> Path:
    """The interpreter of the environment *kind*, which is made where there is none yet; with aiohttp for a *server*."""
    cache = Path(tempfile.gettempdir()) / "statefun-actors-sdk"
    folder = cache / f"{kind}-{version}{'-aiohttp' if server else ''}"
    if not folder.exists():
        print(f"installing apache-flink-statefun {version} as {kind} in {folder}", file=sys.stderr)
        cache.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as making:
            made = Path(making) / "made"
            venv.EnvBuilder().create(made)  # a pip of its own would take longer than all the rest
            also = ["aiohttp"] if server else []
            if kind == "SDK-pip":
                _install(made, f"apache-flink-statefun=={version}", *also)
            else:
                _install(made, "--no-deps", f"apache-flink-statefun=={version}")
                _install(made, f"protobuf=={_own_protobuf()}", *also)
            try:
                made.rename(folder)
            except OSError:  # another process may have been first
                if not folder.exists():
                    raise
    return folder / "bin" / "python"


def pythons() -> dict[str, Path]:
    """The interpreter of each kind.

    Raises:
        CannotMeasureError: one can't be installed.
    """
    return {kind: python_with_sdk(kind) for kind in KINDS}


def _own_protobuf() -> str:
    import google.protobuf

    return google.protobuf.__version__


def _install(environment: Path, *what: str) -> None:
    pip = [sys.executable, "-m", "pip", f"--python={environment}", "--disable-pip-version-check"]
    install_or_refuse("Apache's SDK", [*pip, "install", "--quiet", "--no-compile", *what])
