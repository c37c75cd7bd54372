"""The command line as a user has it: a process of its own in a folder of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from statefun_actors.store import unpack
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import json_of
from tests.cli.fork_server import fork_server
from tests.cli.forked import Forked

DEADLINE: Final = 30.0
"""Seconds after which a test gives up on what it waits for. Nothing takes that long."""

COMMAND: Final = (sys.executable, "-W", "error", "-m", "statefun_actors")


def _with_bind(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Tests run at the same time, so a run listens at a free port."""
    if arguments[:1] == ("run",) and "--bind" not in arguments and "--until-idle" not in arguments:
        return (*arguments, "--bind", "none")
    return arguments


def run(
    *arguments: str, folder: Path, deadline: float = DEADLINE, stdout: IO[bytes] | None = None
) -> subprocess.CompletedProcess[str]:
    """The finished command. *stdout*: where its output goes, if it is not to be returned."""
    if (server := fork_server()).fits(os.environ):
        return server.run(_with_bind(arguments), folder, deadline, stdout)
    return subprocess.run(
        [*COMMAND, *_with_bind(arguments)],
        cwd=folder, stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=deadline, check=False,
    )  # fmt: skip


def summary(*arguments: str, folder: Path, code: int = 0, deadline: float = DEADLINE) -> dict[str, Any]:
    """What ``run … --json`` says; it must exit with *code*."""
    done = run("run", *arguments, "--json", folder=folder, deadline=deadline)
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


Process: TypeAlias = subprocess.Popen[str] | Forked


@contextmanager
def started(*arguments: str, folder: Path) -> Generator[Process]:
    """The command while it runs. It is killed at the end, if it still does."""
    command = _with_bind(arguments)
    process = process_of(*command, folder=folder)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def process_of(
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    is_strict: bool = True,
    into: IO[bytes] | None = None,
    is_forked: bool = True,
) -> Process:
    """The command with exactly these arguments, its output and its errors in a pipe each. Warnings are errors.

    Unless *is_strict*: then errors go into its output, and warnings are what they are by default. Both go into the file
    *into*, if there is one. The command and its processes are forked where they can't tell the difference, unless not
    *is_forked*.
    """
    environment = os.environ if environment is None else environment
    if is_forked and (server := fork_server()).fits(environment):
        return server.start(arguments, folder, environment, is_strict=is_strict, into=into)
    command = [*(COMMAND if is_strict else (sys.executable, "-m", "statefun_actors")), *arguments]
    out = subprocess.PIPE if into is None else into
    errors = subprocess.PIPE if is_strict and into is None else subprocess.STDOUT
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=errors, text=True)


@contextmanager
def program(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Generator[Process]:
    """The program *module* of the tests while it runs, in the root of this project. It is killed if it still does."""
    environment = os.environ if environment is None else environment
    root = Path(__file__).parents[2]
    process: Process
    if (server := fork_server()).fits(environment):
        process = server.start(arguments, root, environment, is_strict=True, into=None, module=module)
    else:
        command = [sys.executable, "-W", "error", "-m", module, *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=pipe, stderr=pipe, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def without_times(log: str) -> str:
    """The lines of a *log* without the time that each record begins with."""
    return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "", log, flags=re.MULTILINE)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look again and again, with short pauses, until *condition* holds."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.005)


@contextmanager
def on_a_terminal(*arguments: str, folder: Path) -> Generator[Terminal]:
    """The command on a terminal of its own."""
    pid, control = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLUMNS="150", LINES="40")
        os.execv(sys.executable, [*COMMAND, *_with_bind(arguments)])
    terminal = Terminal(pid, control)
    try:
        yield terminal
    finally:
        terminal.kill()
        terminal.hang_up()


class Terminal:
    """The output of a command on its terminal."""

    def __init__(self, pid: int, control: int) -> None:
        self._pid, self._control = pid, control
        self._code: int | None = None
        self._open = True
        self.shown = ""

    def wait_for(self, *texts: str) -> None:
        """Until all of *texts* have been shown."""
        end = time.monotonic() + DEADLINE
        while not all(text in self.shown for text in texts):
            assert time.monotonic() < end, f"waited in vain for {texts}, got {self.shown[-500:]}"
            if not self._read(0.5):
                raise AssertionError(f"it ended without showing {texts}: {self.shown[-500:]}")

    def type(self, keys: bytes) -> None:
        os.write(self._control, keys)

    def hang_up(self) -> None:
        """Close its window."""
        if self._open:
            self._open = False
            os.close(self._control)

    def exit_code(self) -> int:
        """Of the ended command, its last words read; negative = the signal that killed it."""
        while self._open and self._read(DEADLINE):
            pass
        if self._code is None:
            _, status = os.waitpid(self._pid, 0)
            self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def kill(self) -> None:
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._code = -signal.SIGKILL

    def _read(self, seconds: float) -> bool:
        """Whether it still runs."""
        ready, _, _ = select.select([self._control], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._control, 65_536)
        except OSError:  # how Linux says that the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


def states(store: Path) -> dict[str, dict[str, object]]:
    """Every entity in *store*, by address: its states in their JSON form."""
    opened = SqliteStore(store)
    try:
        kinds = set(opened.counts()) - {"messages", "timers", "egress", "dead_letters"}
        found: dict[str, dict[str, object]] = {}
        for kind in sorted(kinds):
            for row in opened.entities(kind):
                state = unpack(row.address, row.packed, ()).state
                found[str(row.address)] = {name: json_of(value) for name, value in state.items() if value is not None}
        return found
    finally:
        opened.close()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects in a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path: Path, *objects: Mapping[str, object]) -> None:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(obj) + "\n" for obj in objects))
