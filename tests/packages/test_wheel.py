"""The contents of the wheel: the files that an installed package needs, and no others."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.needs import skip_or_fail

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if made.returncode:
        skip_or_fail(f"pip can't build the wheel: {made.stderr}")
    (found,) = folder.glob("*.whl")
    return zipfile.ZipFile(found)


def test_it_holds_the_package_with_its_pages_templates_and_example(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "statefun_actors"
    expected = {
        str(path.relative_to(ROOT))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    expected |= {
        f"statefun_actors/cli/flights/{name}"
        for name in ("SOURCE.md", "flights-2013-01.csv.gz", "flights.py", "make_input.py", "report.py")
    }

    found = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert found == expected


def test_it_names_its_command_and_its_plugin(wheel: zipfile.ZipFile) -> None:
    info = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}

    assert wheel.read(info["entry_points.txt"]).decode().split("\n\n") == [
        "[console_scripts]\nstatefun-actors = statefun_actors.cli:main",
        "[pytest11]\nstatefun_actors.pytest_plugin = statefun_actors.pytest_plugin\n",
    ]
    assert wheel.read(info["LICENSE"]) == (ROOT / "LICENSE").read_bytes()
