"""The tests that the README shows, in a fresh environment that has the wheel, pytest, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.needs import skip_or_fail
from tests.packages.test_new_when_installed import ENVIRONMENT, ROOT
from tests.test_readme import actor, block_with

UNREACHABLE: Final = ("No matching distribution", "Retrying")
"""What pip prints where it reaches no package index."""


def test_the_tests_of_the_readme_pass_with_the_wheel_and_pytest_only(tmp_path: Path) -> None:
    wheels, fresh, project = (tmp_path / name for name in ("wheels", "venv", "project"))
    project.mkdir()
    for name, code in (
        ("counter.py", block_with('typename="demo/counter"):  # one for each id')),
        ("test_counter.py", block_with("from counter import")),
        ("bank.py", actor()),
        ("test_bank.py", block_with("def test_reminder(")),
    ):
        (project / name).write_text(code, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], check=True)

    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    [wheel] = wheels.glob("statefun_actors-*.whl")
    pip(sys.executable, f"--python={fresh}", "install", str(wheel), "pytest")
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


def pip(python: str, *arguments: str) -> None:
    """Run pip. Where it reaches no package index, the test is skipped, or fails under ``CI=true``."""
    done = subprocess.run(
        [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if any(each in done.stderr for each in UNREACHABLE):
        skip_or_fail(done.stderr)
    assert done.returncode == 0, done.stderr
