"""Commands without the start of an interpreter: a process that has imported the command line forks for each of them.

A command gets what a process of its own has: a folder, an environment, standard streams and an exit code. Starting the
interpreter takes ten times as long as most commands do.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import importlib.util
import json
import os
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import click

from statefun_actors.cli import main
from tests.cli.forked import Forked
from tests.cli.forked_children import fork_children
from tests.cli.handed_over import COMMAND

_ROOT: Final = Path(__file__).parents[2]
_READ_AT_THE_START: Final = ("PYTHON", "LC_", "LANG")
"""What the names of those environment variables begin with that an interpreter reads when it starts."""

_BY_MULTIPROCESSING: Final = {"--partitions", "--workers"}
"""Options of commands that start processes by ``multiprocessing``."""


class ForkServer:
    """The process that forks. It ends with this one."""

    def __init__(self) -> None:
        self._started_with = _read_at_the_start(os.environ)
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.cli.fork_server", str(theirs.fileno())],
                cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        atexit.register(self._end)

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a new interpreter would be as this one is."""
        return _read_at_the_start(environment) == self._started_with

    def run(
        self, arguments: Sequence[str], folder: Path, seconds: float, stdout: IO[bytes] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The finished command; ``TimeoutExpired`` if it takes longer than *seconds*. Output may go to *stdout*."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            order = [COMMAND, arguments, str(folder), dict(os.environ), True]
            status = self._fork(order, (stdout or out).fileno(), err.fileno())
            with Forked(arguments, status, None, None) as command:
                code = command.wait(seconds)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(list(arguments), code, out.read(), err.read())

    def start(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        is_strict: bool,
        into: IO[bytes] | None,
        module: str = COMMAND,
    ) -> Forked:
        """The command while it runs; see :func:`tests.cli.commands.process_of`. *module* is its main module."""
        order = [module, arguments, str(folder), dict(environment), is_strict]
        if into is not None:
            return Forked(arguments, self._fork(order, into.fileno(), into.fileno()), None, None)
        with ExitStack() as ends:
            out, out_end = self._pipe(ends)
            err, err_end = self._pipe(ends) if is_strict else (None, out_end)
            return Forked(arguments, self._fork(order, out_end, err_end), out, err)

    @functools.cached_property
    def scripts(self) -> Path:
        """A folder with a program ``statefun-actors`` that has this server run the command.

        It is for scripts that inherit :attr:`orders`. A command that is to be killed with SIGKILL must not be run so.
        """
        folder = Path(tempfile.mkdtemp(prefix="statefun-actors-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        own = Path(sys.executable).with_name("statefun-actors")
        words = [sys.executable, "-IS", str(_ROOT / "tests" / "cli" / "handed_over.py"), str(self.orders), str(own)]
        script = folder / own.name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        return folder

    @property
    def orders(self) -> int:
        """The file descriptor that takes orders."""
        return self._orders.fileno()

    @staticmethod
    def _pipe(ends: ExitStack) -> tuple[int, int]:
        reading, writing = os.pipe()
        ends.callback(os.close, writing)
        return reading, writing

    def _fork(self, order: Sequence[object], out: int, err: int) -> int:
        """The reading end of the status of the command."""
        reading, writing = os.pipe()
        with tempfile.TemporaryFile("w+") as file:
            json.dump(order, file)
            file.seek(0)
            try:
                socket.send_fds(self._orders, [b"."], [file.fileno(), writing, out, err])
            finally:
                os.close(writing)
        return reading

    def _end(self) -> None:
        with self._process:
            self._orders.close()


@functools.cache
def fork_server() -> ForkServer:
    """The one of this process."""
    return ForkServer()


def _read_at_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_THE_START)}


def _become_a_command(orders: socket.socket) -> str:
    """Fork for each order. Returns in the processes that are to be commands, which have their surroundings.

    Returns:
        The main module.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for commands
    while True:
        data, files, _, _ = socket.recv_fds(orders, 1, 5)
        if not data:
            orders.close()
            sys.exit()
        if os.fork() == 0:
            break
        for each in files:
            os.close(each)
    orders.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    order, status, out, err, *given = files
    if command := os.fork():
        os.write(status, b"%d\n" % command)
        for each in (order, out, err, *given):
            os.close(each)
        _, ended = os.waitpid(command, 0)
        os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended))
        os._exit(0)
    os.close(status)
    for number, stream in enumerate([*given, out, err], start=1 - len(given)):
        os.dup2(stream, number)
        os.close(stream)
    with os.fdopen(order) as file:
        module, arguments, folder, environment, is_strict = json.load(file)
    if not is_strict:
        warnings.simplefilter("default")
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[0] = folder
    sys.argv[1:] = arguments
    if _BY_MULTIPROCESSING.intersection(arguments):
        fork_children()
    return str(module)


if __name__ == "__main__":
    # What most commands and applications import is imported here, once.
    for later in (
        "admin",
        "assembly.ingress",
        "cli.loading",
        "cli.run.conclusion",
        "cli.run.merged_summary",
        "cli.run.partition_process",
        "cli.run.running",
        "cli.run.supervisor",
        "cli.serve.endpoint_process",
        "cli.serve.workers",
        "connectors",
        "entity",
        "http.server",
        "store.sqlite",
    ):
        importlib.import_module(f"statefun_actors.{later}")
    for other in ("encodings.idna", "multiprocessing.popen_spawn_posix", "rich.console", "rich.table"):
        importlib.import_module(other)
    context = click.Context(main)
    for command in main.list_commands(context):
        main.get_command(context, command)
    # Processes that commands start by multiprocessing import what the main module of a command would have them import.
    sys.modules["__main__"].__spec__ = importlib.util.find_spec(COMMAND)
    gc.freeze()  # what is never freed is not looked at again, or copied, in each command
    module = _become_a_command(socket.socket(fileno=int(sys.argv[1])))
    if module == COMMAND:
        main(prog_name="statefun-actors")
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
