"""The programs that tests need. A missing one skips its tests; under ``CI=true`` they fail.

A test asks by the mark ``needs("linux", "grpc_tools")``, or calls :func:`skip_or_fail` where only trying tells.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest

from statefun_actors.cluster import missing_tool


def _java() -> str | None:
    lacking = missing_tool()
    return None if lacking is None else str(lacking)


def _linux() -> str | None:
    return None if sys.platform == "linux" else f"needs Linux, not {sys.platform}"


def _proc() -> str | None:
    return None if Path("/proc/self/fd").exists() else "needs /proc"


def _dev_full() -> str | None:
    return None if Path("/dev/full").is_char_device() else "needs /dev/full"


def _grpc_tools() -> str | None:
    return None if importlib.util.find_spec("grpc_tools") else "needs protoc: pip install grpcio-tools"


def _node() -> str | None:
    lacking = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"needs {' and '.join(lacking)}: apt-get install nodejs npm" if lacking else None


_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "chromedriver": ("chromedriver", "chromium.chromedriver"),
}


def program(name: str) -> str:
    """The path of ``chromium`` or ``chromedriver``; empty where this machine has none."""
    return next(filter(None, map(shutil.which, _NAMES[name])), None) or ""


def _chromium() -> str | None:
    lacking = [name for name in _NAMES if not program(name)]
    return f"needs {' and '.join(lacking)}: apt-get install chromium chromium-driver" if lacking else None


NEEDS: Final[Mapping[str, Callable[[], str | None]]] = {
    "java": _java,
    "linux": _linux,
    "/proc": _proc,
    "/dev/full": _dev_full,
    "grpc_tools": _grpc_tools,
    "chromium": _chromium,
    "node": _node,
}
"""By name, what tells why this machine lacks it; None where it is there."""


def check(name: str) -> None:
    """Skip the running test, or fail it under ``CI=true``, where the machine lacks *name*, a key of ``NEEDS``."""
    if (why := NEEDS[name]()) is not None:
        skip_or_fail(why)


def skip_or_fail(why: str) -> NoReturn:
    """End the running test because the machine lacks something: *why* says what."""
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
