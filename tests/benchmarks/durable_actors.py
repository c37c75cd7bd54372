"""Durable asks over HTTP next to durable-actors: ``python -m tests.benchmarks.durable_actors [--rounds 3]``.

A counter whose method adds to its one field and returns the total; each call is durable before it is answered. Both are
asked over connections that are kept open: ``statefun-actors run`` by the load generator of the other benchmarks,
durable-actors by its own ``AsyncClient``, which gives each call an id of its own.

durable-actors runs as its ``dev``, the form that needs no cloud storage, with what makes it fastest: asynchronous
methods, no watching of sources, no log. It starts two processes for each actor, so that 4 keys are what one machine
bears, and all actors are started before anything is measured. They take turns, and medians are compared.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import CannotMeasureError, Figure, needed, parser_of, report
from tests.benchmarks.http import cpu_seconds
from tests.benchmarks.library import Http
from tests.benchmarks.peers.installed import python_with

VERSION: Final = "0.12.3"
KEYS: Final = (1, 4)
LEAST_RATE: Final = {1: 2.0, 4: 5.0}
"""At one key both wait for the disk most of the time."""
MOST_PROCESSOR_TIME: Final = {1: 0.25, 4: 0.1}
_APP: Final = """
from durable_actors import AsyncActor, persisted

class Counter(AsyncActor):
    count: int = persisted(0)

    async def add(self, amount: int) -> int:
        self.count += amount
        return self.count
"""
_PROJECT: Final = '[project]\nname = "bench"\nversion = "0"\nrequires-python = ">=3.11"\n'
_CLIENT: Final = Path(__file__).parent / "peers" / "durable_actors_client.py"


class DurableActors:
    """The server, and the process that asks it."""

    def __init__(self, python: Path, folder: Path) -> None:
        (folder / "src").mkdir()
        (folder / "src" / "actors.py").write_text(_APP, encoding="utf-8")
        (folder / "pyproject.toml").write_text(_PROJECT, encoding="utf-8")
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        command: list[str | Path] = [
            python.parent / "durable-actors",
            "dev",
            "--no-watch",
            "--port",
            "0",
            "--data-dir",
            folder / "data",
        ]
        self._server = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path, "RUST_LOG": "error"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._client: subprocess.Popen[str] | None = None
        try:
            command = [python, _CLIENT, self._url(), str(max(KEYS))]
            self._client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self._answer()  # it has called each actor once
        except BaseException:
            self.close()
            raise

    def asked(self, keys: int, seconds: float) -> tuple[float, float]:
        """Asks a second, one task for each key, and µs of the server's processors for each."""
        self._ask(keys, 0)  # once, since an actor that was not asked for a while has been stopped
        before = self._cpu_seconds()
        answered, taken = self._ask(keys, seconds)
        return answered / taken, (self._cpu_seconds() - before) / answered * 1e6

    def close(self) -> None:
        """Stop the server with the processes of its actors, which are of its session, and the client."""
        if self._client is not None:
            self._client.kill()
            self._client.communicate()
        for pid in self._processes():
            with suppress(ProcessLookupError):  # it ends when the server does
                os.kill(pid, signal.SIGKILL)
        self._server.communicate()

    def _url(self) -> str:
        assert self._server.stdout is not None
        shown: list[str] = []
        for line in self._server.stdout:
            shown.append(line)
            if (found := re.search(r"Ready +(http://\S+)", line)) is not None:
                return found[1]
        raise AssertionError(f"durable-actors ended with {self._server.wait()}:\n{''.join(shown)}")

    def _ask(self, keys: int, seconds: float) -> tuple[int, float]:
        assert self._client is not None
        assert self._client.stdin is not None
        self._client.stdin.write(f"{keys} {seconds}\n")
        self._client.stdin.flush()
        return self._answer()

    def _answer(self) -> tuple[int, float]:
        assert self._client is not None
        assert self._client.stdout is not None
        line = self._client.stdout.readline()
        if not line:
            raise CannotMeasureError(f"durable-actors {VERSION} did not answer on this machine; its output is above")
        answered, seconds = json.loads(line)
        return answered, seconds

    def _processes(self) -> list[int]:
        """All processes of the server's session."""
        found: list[int] = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[3]
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
            if int(session) == self._server.pid:
                found.append(int(stat.parent.name))
        return found

    def _cpu_seconds(self) -> float:
        """Also of processes that have ended: the actors of this server come and go."""
        return sum(cpu_seconds(pid, ended_too=True) for pid in self._processes())


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    options = parser.parse_args()
    name, peer = "durable asks/s over HTTP", f"durable-actors {VERSION}"
    python = needed(name, options, lambda: python_with("durable-actors", VERSION, f"durable-actors[cli]=={VERSION}"))
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {
        (who, keys): [] for who in ("ours", "theirs") for keys in KEYS
    }
    with tempfile.TemporaryDirectory() as ours_folder, tempfile.TemporaryDirectory() as folder:
        ours = Http(Path(ours_folder))
        try:
            theirs = needed(name, options, lambda: DurableActors(python, Path(folder)))
            try:
                for _ in range(options.rounds):
                    for keys in KEYS:
                        taken["ours", keys].append(ours.asked(keys, keys, options.seconds))
                        taken["theirs", keys].append(theirs.asked(keys, options.seconds))
            finally:
                theirs.close()
        finally:
            ours.close()
    for (who, keys), values in taken.items():
        rate, cpu = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{who:8}{keys:3} keys, a task each:{rate:10,.0f} asks/s{cpu:10,.0f} µs of a processor each")
    figures: list[Figure] = []
    for keys in KEYS:
        mine, other = taken["ours", keys], taken["theirs", keys]
        label = f"{name}, {keys} {'key' if keys == 1 else 'keys'}"
        rates, other_rates = [rate for rate, _ in mine], [rate for rate, _ in other]
        figures.append(Figure(name=label, ours=rates, peer=peer, theirs=other_rates, aim=LEAST_RATE[keys]))
        used, other_used = [cpu for _, cpu in mine], [cpu for _, cpu in other]
        figures.append(
            Figure(
                name=f"{label}: processor time",
                ours=used,
                peer=peer,
                theirs=other_used,
                aim=MOST_PROCESSOR_TIME[keys],
                at_least=False,
            )
        )
    report(figures, options)


if __name__ == "__main__":
    main()
