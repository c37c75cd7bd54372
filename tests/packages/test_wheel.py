"""The contents of the wheel: the files that an installed package needs, and no others."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("wheel")  # which is built once


def test_it_holds_the_package_with_its_pages_templates_and_example(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
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

    found = {name for name in names if ".dist-info/" not in name}

    assert found == expected


def test_it_names_its_command_and_its_plugin(wheel: Path) -> None:
    files = zipfile.ZipFile(wheel)
    info = {Path(name).name: name for name in files.namelist() if ".dist-info/" in name}

    assert files.read(info["entry_points.txt"]).decode().split("\n\n") == [
        "[console_scripts]\nstatefun-actors = statefun_actors.cli:main",
        "[pytest11]\nstatefun_actors.pytest_plugin = statefun_actors.pytest_plugin\n",
    ]
    assert files.read(info["LICENSE"]) == (ROOT / "LICENSE").read_bytes()
