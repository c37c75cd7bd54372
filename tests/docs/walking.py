"""Runs the blocks of one page of the documentation, in order, in one folder, as a reader would.

- A block with a file name (````` ```python shop.py `````) is saved as that file. Files ``test_….py`` are run by one
  pytest, before the next block that runs or that changes a file.
- Other blocks of Python are run as programs, those of bash as scripts. Port 8080 becomes a free port.
- The commands ``statefun-actors`` of scripts are forked, except in a script that kills with ``kill -9``.
- A block ````` ```text output ````` is what the last script printed, or some of its lines; other text is not checked.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.cli.fork_server import fork_server

SAVED: Final = {"python", "json", "yaml", "toml", "ini", "dockerfile", "protobuf", "diff", "java", "javascript"}
_BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENVIRONMENT: Final = {
    **{name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTHONUNBUFFERED")},
    # The interpreter of the tests and its scripts are what an activated virtual environment would give.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "COLUMNS": "100",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "statefun_actors.pytest_plugin",
}
"""Of a reader whose pytest has the plugin of this package and no other."""
_PYTEST: Final = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]


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
            printed = run_script(text, folder)
        else:
            raise AssertionError(f"expected a file name, or python, bash or text; got a block of {language}")
    if tests:
        _run([*_PYTEST, *tests], folder)


def run_script(text: str, folder: Path) -> str:
    """What a script of bash prints; it must succeed."""
    if "kill -9" in text:
        return _run(["bash", "-euc", text], folder)
    server = fork_server()
    path = os.pathsep.join([str(server.scripts), ENVIRONMENT["PATH"]])
    return _run(["bash", "-euc", text], folder, {**ENVIRONMENT, "PATH": path}, inherited=[server.orders])


def _run(
    command: list[str], folder: Path, environment: Mapping[str, str] = ENVIRONMENT, inherited: Collection[int] = ()
) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, pass_fds=inherited,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
