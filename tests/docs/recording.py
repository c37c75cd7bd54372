"""Records the first commands of the README in a terminal, as an SVG that shows them one after the other.

    python -m tests.docs.recording [OUT]

Runs them in a temporary folder and on a free port, which is shown as 8080. OUT is examples/counter/terminal.svg
unless given.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

from rich.console import Console
from rich.text import Text

from tests.docs.walking import ENVIRONMENT, free_port

ROOT: Final = Path(__file__).parents[2]
OUT: Final = ROOT / "examples" / "counter" / "terminal.svg"
WIDTH: Final = 88
_PAUSE: Final = 1.2
"""Seconds between two commands of the recording."""
_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_LINE: Final = re.compile(r'clip-path="url\(#(\S+)-line-(\d+)\)"')


class Step(NamedTuple):
    """A command as it is typed, and what it printed."""

    command: str
    printed: str


def commands(readme: str) -> list[str]:
    """The commands of the block that shows a terminal, a block of text: the bash blocks set up a clone."""
    (block,) = re.findall(r"^```text\n(\$ .*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def recorded(typed: Sequence[str], folder: Path) -> Iterator[Step]:
    """Run each command in *folder*. One that ends in ``&`` goes on; ``kill -9 %1`` ends it."""
    port = str(free_port())
    running: subprocess.Popen[str] | None = None
    try:
        for command in typed:
            if command.endswith(" &"):
                words = [*command.removesuffix(" &").split(), "--bind", f"127.0.0.1:{port}"]
                running = subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
                assert running.stderr is not None
                yield Step(command, "".join(_until_it_listens(running.stderr)).replace(port, "8080"))
            elif command == "kill -9 %1":
                assert running is not None
                running.kill()
                running.communicate()
                running = None
                yield Step(command, "")
            else:
                line = command.replace("8080", port)
                done = subprocess.run(
                    ["bash", "-c", f'curl() {{ command curl -sS "$@"; }}; {line}'],
                    cwd=folder,
                    env=ENVIRONMENT,
                    capture_output=True,
                    text=True,
                    check=True,
                    timeout=60,
                )
                yield Step(command, f"{done.stdout}\n")
    finally:
        if running is not None:
            running.kill()
            running.communicate()


def _until_it_listens(stream: IO[str]) -> Iterator[str]:
    for line in stream:
        yield line
        if "http://" in line:
            return


def drawn(steps: Sequence[Step]) -> str:
    """The SVG: the lines of a command appear together, and after the last one everything stays."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    appears: list[float] = []
    for at, step in enumerate(steps):
        console.print(Text.assemble(("$ ", "bold green"), (step.command, "bold")))
        appears.append(at * _PAUSE)
        for line in step.printed.splitlines():
            console.print(Text(line[:WIDTH]))
            appears.append(at * _PAUSE + 0.6)
    svg = _FONT.sub("", console.export_svg(title="statefun-actors", unique_id="terminal"))
    delays = "\n".join(
        f'    [clip-path="url(#terminal-line-{line})"] {{ animation: appear 0.1s {seconds:.1f}s both; }}'
        for line, seconds in enumerate(appears)
    )
    return svg.replace("</style>", f"\n    @keyframes appear {{ from {{ opacity: 0; }} }}\n{delays}\n    </style>", 1)


def main(arguments: Sequence[str]) -> None:
    """Record, and write the picture."""
    out = Path(arguments[0]) if arguments else OUT
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "counter.py").write_text(
            (OUT.parent / "counter.py").read_text(encoding="utf-8"), encoding="utf-8"
        )
        steps = list(recorded(commands(readme), Path(folder)))
    out.write_text(drawn(steps), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
