"""The wheel of the package, which is built once for all tests of it: pip fetches what builds it each time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.packages.pip import pip

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file. Skips as :func:`pip` does."""
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (found,) = folder.glob("statefun_actors-*.whl")
    return found
