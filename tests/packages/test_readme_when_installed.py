"""The tests that the README shows, in a fresh environment that has the wheel, pytest, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packages.pip import ENVIRONMENT, pip
from tests.test_readme import actor, block_with

pytestmark = pytest.mark.xdist_group("wheel")  # which is built once


def test_the_tests_of_the_readme_pass_with_the_wheel_and_pytest_only(wheel: Path, tmp_path: Path) -> None:
    fresh, project = tmp_path / "venv", tmp_path / "project"
    project.mkdir()
    for name, code in (
        ("counter.py", block_with('typename="demo/counter"):  # one for each id')),
        ("test_counter.py", block_with("from counter import")),
        ("bank.py", actor()),
        ("test_bank.py", block_with("def test_reminder(")),
    ):
        (project / name).write_text(code, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], check=True)

    pip(sys.executable, f"--python={fresh}", "install", "--no-compile", str(wheel), "pytest")
    tested = subprocess.run(
        [str(fresh / "bin" / "pytest"), "-p", "no:cacheprovider"],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "3 passed" in tested.stdout
    assert "\nplugins: statefun-actors-" in tested.stdout
    assert len(next(line for line in tested.stdout.splitlines() if line.startswith("plugins: ")).split(",")) == 1
