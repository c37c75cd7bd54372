"""How quickly programs and commands start: ``python -m tests.benchmarks.start_up``.

Each is a process of its own, in turns with its peer:

- import: ``import statefun_actors``, next to the third-party modules that a file with an entity loads. As the package
  loads a name when it is used, that line alone says little: the names that such a file imports are measured, too.
  Processor time. Aim: at most 1.25 times.
- run: from the start of the command until it says that it takes messages, next to a program that imports all public
  names with ``asyncio`` and ``sqlite3``, and opens a store. By the clock. Aim: at most 1.5 times.
- help: ``statefun-actors --help``, by the clock. Aim: at most 0.15 s, on a machine that is idle otherwise.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Figure, parser_of, report

APP: Final = """
from statefun_actors import Entity, handles, persisted

class Account(Entity, typename="bench/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, cents: int) -> int:
        self.balance += cents
        return self.balance
"""
READY: Final = "taken at"
PACKAGE: Final = "import statefun_actors"
NAMES: Final = "from statefun_actors import Entity, handles, message, persisted"
OPENED: Final = f"""
import asyncio, sqlite3
from statefun_actors import *
from statefun_actors.store import open_store
store = open_store("opened.db")
print("{READY}", flush=True)
input()
"""
THIRD_PARTIES: Final = f"""
import sys
bare = set(sys.modules)
{NAMES}
loaded = (name for name in sys.modules if name not in bare)
own = {{*sys.stdlib_module_names, "statefun_actors"}}
print(*(name for name in loaded if name[0] != "_" and name.partition(".")[0] not in own))
"""
"""Prints the third-party modules that the names load, in the order in which they are loaded."""


def spent(program: str) -> float:
    """Seconds of processor time of a Python that runs *program*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ended(command: Sequence[str]) -> float:
    """Seconds until *command* has ended."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def ready(command: Sequence[str], folder: Path) -> float:
    """Seconds until *command* says that it is ready. It has no store before."""
    for store in folder.glob("*.db*"):
        store.unlink()
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if READY in line:
                break
        else:
            raise RuntimeError(f"{command} ended before it was ready")
        seconds = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
        process.communicate()
    return seconds


def figures(rounds: int) -> list[Figure]:
    found = subprocess.run([sys.executable, "-c", THIRD_PARTIES], check=True, capture_output=True, text=True)
    third_parties = "\n".join(f"import {name}" for name in found.stdout.split())
    cli = [sys.executable, "-m", "statefun_actors"]
    times: dict[str, list[float]] = {key: [] for key in ("package", "names", "third parties", "help", "run", "opened")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(APP, encoding="utf-8")
        for number in range(rounds + 1):
            measured = {
                "package": spent(PACKAGE),
                "names": spent(NAMES),
                "third parties": spent(third_parties),
                "help": ended([*cli, "--help"]),
                "run": ready([*cli, "run", "app.py", "--bind", "127.0.0.1:0"], folder),
                "opened": ready([sys.executable, "-c", OPENED], folder),
            }
            if number:  # the first round fills the caches of the file system
                for key, value in measured.items():
                    times[key].append(value)
    return [
        *(
            Figure(
                name=f"{name}: processor time",
                ours=times[key],
                peer="third-party modules alone",
                theirs=times["third parties"],
                aim=1.25,
                at_least=False,
            )
            for key, name in (("package", PACKAGE), ("names", "import of the names for an entity"))
        ),
        Figure(
            name="run: time until it takes messages",
            ours=times["run"],
            peer="imports, and a store opened",
            theirs=times["opened"],
            aim=1.5,
            at_least=False,
        ),
        Figure(name="statefun-actors --help: time", ours=times["help"], aim=0.15, at_least=False, unit="s"),
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    report(figures(options.rounds), options)


if __name__ == "__main__":
    main()
