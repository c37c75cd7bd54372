"""Runs the blocks of one page of the documentation, in order, in one folder, as a reader would.

- A block with a file name (````` ```python shop.py `````) is saved as that file. Files ``test_….py`` are run by one
  pytest, before the next block that runs or that changes a file.
- Other blocks of Python are run as programs, those of bash as scripts. Port 8080 becomes a free port.
- A block ````` ```text output ````` is what the last script printed, or some of its lines; other text is not checked.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

SAVED: Final = {"python", "json", "yaml", "toml", "ini", "dockerfile", "protobuf", "diff", "java", "javascript"}
_BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENVIRONMENT: Final = {
    **{name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTHONUNBUFFERED")},
    # The interpreter of the tests and its scripts are what an activated virtual environment would give.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "COLUMNS": "100",
}
_PYTEST: Final = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
"""Plain pytest, which has none of the plugins of this project's own tests."""


class Block(NamedTuple):
    """One fenced block: its language, the file name next to it ("" without one), and its text."""

    language: str
    file: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """The blocks of the text *page*."""
    return (Block(*found) for found in _BLOCK.findall(page))


def walk(page: str, folder: Path, *, only: Collection[str] | None = None) -> None:
    """Run the blocks of the text *page* in *folder*; *only*: those with one of these file names."""
    port, printed = free_port(), ""
    (folder / "pyproject.toml").write_text(f'[tool.statefun-actors.run]\nbind = ["127.0.0.1:{port}"]\n')
    tests: list[str] = []
    for language, file, text in blocks(page):
        if only is not None and file not in only:
            continue
        text = text.replace(":8080", f":{port}")  # noqa: PLW2901
        if tests and ((folder / file).exists() if file else language in {"python", "bash"}):
            _run([*_PYTEST, *tests], folder)
            tests.clear()
        if language == "text":
            if file == "output":
                shown = [" ".join(line.split()) for line in text.splitlines()]
                lines = [" ".join(line.split()) for line in printed.splitlines()]
                assert [line for line in shown if line not in lines] == [], printed
        elif file:
            assert language in SAVED, f"{file}: expected one of {', '.join(sorted(SAVED))}, got {language}"
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
            if place.name.startswith("test_"):
                tests.append(file)
        elif language == "python":
            _run([sys.executable, "-W", "error", "-c", text], folder)
        elif language == "bash":
            printed = _run(["bash", "-euc", text], folder)
        else:
            raise AssertionError(f"expected a file name, or python, bash or text; got a block of {language}")
    if tests:
        _run([*_PYTEST, *tests], folder)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
