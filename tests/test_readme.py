"""The README is run: its Python in one go, its commands in a folder of their own."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [code for kind, code in BLOCKS if kind == language]


def test_the_python_blocks_run_one_after_the_other_and_their_tests_pass() -> None:
    names: dict[str, Any] = {"__name__": "readme"}
    with warnings.catch_warnings():
        for code in blocks("python"):
            exec(compile(code, "README.md", "exec"), names)
    ran = []
    for name, test in list(names.items()):
        if name.startswith("test_"):
            if inspect.iscoroutinefunction(test):
                asyncio.run(test())
            else:
                test()
            ran.append(name)

    assert ran == ["test_deposit", "test_reminder"]


def test_the_first_block_sets_up_and_runs_the_main_job(tmp_path: Path) -> None:
    setup, *commands = blocks("bash")[0].splitlines()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = ""
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": scripts},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        shown += done.stdout

    assert setup == "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[dev]'"
    assert re.search(r"entities flights/aircraft +3,149", shown)
    assert "97 airports" in shown


def test_the_second_block_runs_the_tests() -> None:
    assert blocks("bash")[1].splitlines() == [". .venv/bin/activate", "python -m pytest"]


def test_the_actor_of_the_readme_runs_from_the_command_line(tmp_path: Path) -> None:
    [line] = blocks("json")
    (tmp_path / "bank.py").write_text(blocks("python")[0], encoding="utf-8")
    (tmp_path / "deposits.jsonl").write_text(line, encoding="utf-8")
    match = re.search(r"`statefun-actors (run bank\.py[^`]*)`", README)
    assert match is not None
    command = [sys.executable, "-m", "statefun_actors", *match[1].split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)

    assert re.search(r"entities bank/account +1", done.stdout)
