"""The tests that the README shows, in a fresh environment: the wheel, pytest, what they require, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packages.pip import ENVIRONMENT, pip
from tests.test_readme import actor, block_with

pytestmark = pytest.mark.xdist_group("wheel")  # which is built once


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """An environment without any package."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.mark.slow  # installs everything anew
def test_the_tests_of_the_readme_pass_after_pip_has_installed_the_wheel(
    wheel: Path, fresh: Path, tmp_path: Path
) -> None:
    pip(sys.executable, f"--python={fresh}", "install", "--no-compile", str(wheel), "pytest")

    assert_the_tests_pass(fresh, tmp_path)


def test_the_tests_of_the_readme_pass_with_what_the_wheel_and_pytest_require(
    wheel: Path, fresh: Path, tmp_path: Path
) -> None:
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(fresh), "platbase": str(fresh)}))
    with zipfile.ZipFile(wheel) as files:
        files.extractall(site)
    (info,) = site.glob("statefun_actors-*.dist-info")
    linked: set[str] = set()
    link_requirements(Distribution.at(info), site, linked)
    link(distribution("pytest"), site, linked)

    assert {"attrs", "protobuf", "pytest"} <= linked
    assert not linked & {"httpx", "hypothesis", "statefun-actors"}
    assert_the_tests_pass(fresh, tmp_path)


def link(found: Distribution, site: Path, linked: set[str]) -> None:
    """Link the files of a distribution of this environment, and of those that it requires, into the folder *site*."""
    name = canonicalize_name(found.name)
    if name in linked:
        return
    linked.add(name)
    for entry in {path.parts[0] for path in found.files or ()} - {"..", "__pycache__"}:
        if not (site / entry).exists():
            (site / entry).symlink_to(str(found.locate_file(entry)))
    link_requirements(found, site, linked)


def link_requirements(of: Distribution, site: Path, linked: set[str]) -> None:
    for requirement in map(Requirement, of.requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            link(distribution(requirement.name), site, linked)


def assert_the_tests_pass(environment: Path, folder: Path) -> None:
    project = folder / "project"
    project.mkdir()
    for name, code in (
        ("counter.py", block_with('typename="demo/counter"):  # one for each id')),
        ("test_counter.py", block_with("from counter import")),
        ("bank.py", actor()),
        ("test_bank.py", block_with("def test_reminder(")),
    ):
        (project / name).write_text(code, encoding="utf-8")

    tested = subprocess.run(
        [str(environment / "bin" / "python"), "-m", "pytest", "-p", "no:cacheprovider"],
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
