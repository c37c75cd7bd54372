"""``statefun-actors new``: what it creates passes its own tests and mypy, and runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from mypy import api as mypy

from statefun_actors.cli import main
from tests.cli.commands import lines_of, summary

TEMPLATES = ("worker", "web", "flink")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTHONUNBUFFERED")}


def created(folder: Path, template: str) -> Path:
    done = CliRunner().invoke(main, ["new", str(folder / "my-shop"), "--template", template])
    assert done.exit_code == 0, done.output
    return folder / "my-shop"


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_tests_of_a_new_project_pass(tmp_path: Path, template: str) -> None:
    project = created(tmp_path, template)

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    tested = subprocess.run(command, cwd=project, env=ENVIRONMENT, capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stdout


def test_a_reserved_name_and_a_folder_in_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    reserved = CliRunner().invoke(main, ["new", str(tmp_path / "statefun-actors")])
    inside = CliRunner().invoke(main, ["new", str(tmp_path / "file" / "shop")])

    assert reserved.output.splitlines()[-1] == (
        "Error: expected a name of your own such as my-shop, got 'statefun-actors', which is reserved"
    )
    assert inside.output == f"Error: {tmp_path}/file/shop can't be created: Not a directory; choose another place\n"
    assert (reserved.exit_code, inside.exit_code) == (2, 1)


@pytest.mark.slow  # mypy reads the whole package, without a cache
def test_a_new_project_is_typed(tmp_path: Path) -> None:
    project = created(tmp_path, "web")

    found, errors, status = mypy.run(
        ["--config-file", str(project / "pyproject.toml"), "--cache-dir", str(tmp_path / "mypy"), str(project)]
    )

    assert status == 0, found + errors


@pytest.mark.parametrize("template", ["worker", "flink"])
def test_a_new_project_runs(tmp_path: Path, template: str) -> None:
    project = created(tmp_path, template)
    command = ("app.py", "--input", "messages.jsonl", "--until-idle", "--egress", "my-shop/greetings=greetings.jsonl")

    assert summary(*command, folder=project)["ended"] == "idle"

    records = [record["value"] for record in lines_of(project / "greetings.jsonl")]
    assert sorted(records) == ["Hello Ada, no. 1", "Hello Bea, no. 1"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_has_what_a_project_needs(tmp_path: Path, template: str) -> None:
    project = created(tmp_path, template)

    files = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    needed = {"app.py", "test_app.py", "pyproject.toml", "README.md", "Containerfile", ".gitignore", "messages.jsonl"}
    assert files >= needed | {".github/workflows/test.yaml"}
    assert not [path for path in files if "PROJECT" in (project / path).read_text(encoding="utf-8")]


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    project = created(tmp_path, "worker")

    refused = CliRunner().invoke(main, ["new", str(project)])

    assert refused.exit_code == 1
    assert refused.output == f"Error: {project} exists already and is not empty; choose another name\n"


def test_a_name_that_no_package_may_have_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["new", str(tmp_path / "My Shop")])

    assert refused.exit_code == 2
    assert "expected a lower-case name such as my-shop, got 'My Shop'" in refused.output
