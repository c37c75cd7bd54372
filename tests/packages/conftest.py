"""The wheel of the package, which is built once for all tests of it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.packages.pip import ENVIRONMENT, installed_once

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file. Skips as :func:`tests.packages.pip.pip` does."""
    folder = tmp_path_factory.mktemp("wheel")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    assert build["build-backend"] == "hatchling.build"
    backend = installed_once("hatchling", *build["requires"])
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    environment = {**ENVIRONMENT, "PYTHONPATH": str(backend)}
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, env=environment, check=True)
    (found,) = folder.glob("statefun_actors-*.whl")
    return found
