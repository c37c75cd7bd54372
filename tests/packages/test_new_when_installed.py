"""Projects that ``statefun-actors new`` creates, in a fresh environment that has nothing but what they name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.packages.pip import ENVIRONMENT

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.slow  # installs everything anew
@pytest.mark.parametrize("template", ["worker", "web", "flink"])
def test_a_new_project_is_tested_typed_and_run_in_a_fresh_environment(tmp_path: Path, template: str) -> None:
    fresh, project = tmp_path / "venv", tmp_path / "my-shop"
    env = {**ENVIRONMENT, "PATH": os.pathsep.join([str(fresh / "bin"), os.environ["PATH"]])}

    def run(command: str, folder: Path) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    subprocess.run([sys.executable, "-m", "venv", str(fresh)], check=True)
    run(f"pip install --quiet '{ROOT}'", tmp_path)
    run(f"statefun-actors new my-shop --template {template}", tmp_path)
    run("pip install --quiet --editable '.[dev]'", project)
    run("pip check", project)

    assert "passed" in run("python -m pytest -q", project)
    assert "Success" in run("mypy", project)
    if template == "web":
        run("python -c 'import web; assert web.app'", project)
    else:
        run("statefun-actors run app.py --input messages.jsonl --until-idle", project)
