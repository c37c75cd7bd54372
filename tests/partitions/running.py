"""``statefun-actors run --partitions`` as processes, which a test kills."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self, TypeAlias

import attrs

from tests.cli.commands import COMMAND, process_of
from tests.cli.forked import Forked
from tests.cli.forked_children import NAME

DEADLINE: Final = 120.0
_ATTEMPT: Final = 12.0
"""Seconds for one of several attempts of a client; more than the time for the reply."""

APP: Final = Path(__file__).with_name("cells.py").read_text()


@attrs.frozen
class Got:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


Process: TypeAlias = subprocess.Popen[bytes] | subprocess.Popen[str] | Forked


class Running:
    """A run of the application :data:`APP`, or of that in the file *app*, with *count* partitions in *folder*.

    Its processes are forked: :class:`RunningInterpreters` starts interpreters.
    Its standard output goes to the log, too.
    """

    def __init__(self, folder: Path, count: int, *options: str, app: str = APP) -> None:
        self.folder, self.count, self.log = folder, count, folder / "log"
        self.store = folder / "bank.db"
        (folder / "app.py").write_text(app)
        self.command = [
            *("run", "app.py", "--partitions", str(count), "--bind", "127.0.0.1:0", *options),
            *(() if "--memory" in options else ("--store", str(self.store))),
        ]
        self._process: Process | None = None
        self.port = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            children = self.children()
            self._process.kill()
            self._process.wait()
            for pid in children:
                wait_for(lambda pid=pid: not is_alive(pid))  # type: ignore[misc] # they notice that it has ended

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it, and wait until it takes messages."""
        with self.log.open("wb") as log:
            self._process = self._started(log)
        wait_for(lambda: "Messages are taken" in self.logged() or self.process.poll() is not None)
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.logged())
        assert found is not None, self.logged()
        self.port = int(found[1])

    def _started(self, log: IO[bytes]) -> Process:
        return process_of(*self.command, folder=self.folder, into=log)

    def logged(self) -> str:
        return self.log.read_text()

    def children(self) -> list[int]:
        """The processes of the partitions."""
        pid = self.process.pid
        found: list[int] = []
        with suppress(OSError):  # it has ended
            for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                with suppress(OSError):
                    process = Path("/proc") / each
                    is_forked = (process / "comm").read_text().strip() == NAME
                    if is_forked or b"spawn_main" in (process / "cmdline").read_bytes():
                        found.append(int(each))
        return sorted(found)

    def pid_of(self, partition: int) -> int:
        """The process of *partition*: the one that has its store open."""
        path = str((self.store / str(partition)).resolve())
        for pid in self.children():
            if path in opened(pid):
                return pid
        raise AssertionError(f"no process has {path} open")

    def is_starting(self, pid: int) -> bool:
        """Whether the process *pid* has not opened the store of a partition yet."""
        stores = {str((self.store / str(number)).resolve()) for number in range(self.count)}
        return stores.isdisjoint(opened(pid))

    def kill(self, pid: int) -> None:
        """Kill the process of one partition."""
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: pid not in self.children())

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEADLINE,
        by: int | None = None,
    ) -> Got:
        """One request by a new connection. The process of the partition *by* gets it; None: any."""
        connection = self._connection(timeout) if by is None else self._connection_to(by, timeout)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def _connection_to(self, partition: int, timeout: float) -> http.client.HTTPConnection:
        """A connection to the process of *partition*: new ones are opened until the kernel chooses its socket."""
        pid, end = self.pid_of(partition), time.monotonic() + DEADLINE
        while time.monotonic() < end:
            connection = self._connection(timeout)
            connection.request("GET", "/healthz")  # the process that responds has accepted it
            connection.getresponse().read()
            if f"socket:[{inode_of_peer(connection)}]" in opened(pid):
                return connection
            connection.close()
        raise AssertionError(f"the process of partition {partition} has got no connection")

    def add(
        self,
        id: str,
        number: int,
        to: str | None = None,
        *,
        wait: str = "30s",
        key: str | None = None,
        timeout: float = DEADLINE,
        by: int | None = None,
    ) -> Got:
        """Add *number* to the cell *id*, which passes it on to the cell *to*. *by*: as for :meth:`request`."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.request(
            "PUT",
            f"/ingress/test/cell/{id}?type=test/add&wait={wait}",
            {"number": number, "to": to},
            headers,
            timeout,
            by,
        )

    def add_surely(self, id: str, number: int, to: str) -> None:
        """The same, repeated under one key until there is an answer.

        Each attempt has a timeout: a connection may wait at the socket of a partition that is started again.
        """
        attempts: deque[str] = deque(maxlen=20)
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            began = time.monotonic()
            try:
                got = self.add(id, number, to, wait="10s", key=f"{id}-{number}", timeout=_ATTEMPT)
            except (OSError, http.client.HTTPException) as error:
                outcome = repr(error)
            else:
                if got.status == 200:
                    return
                assert got.status == 503, got
                outcome = got.body.decode().strip()
            attempts.append(f"{time.monotonic() - began:.2f} s: {outcome}")
            time.sleep(0.02)  # between two attempts of a client
        raise AssertionError("\n".join(["no answer:", *attempts, "", self.logged()]))


class RunningInterpreters(Running):
    """The same, in interpreters of their own: as a user has it. Each takes half a second of processor time to start.

    Its standard output goes to the log, too, unless *stdout* says otherwise.
    """

    def __init__(self, folder: Path, count: int, *options: str, app: str = APP, stdout: int | None = None) -> None:
        super().__init__(folder, count, *options, app=app)
        self._stdout = stdout
        self._output: IO[bytes] | None = None

    @property
    def stdout(self) -> IO[bytes]:
        """The reading end of its standard output, which is a pipe."""
        assert self._output is not None
        return self._output

    def _started(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        stdout = log if self._stdout is None else self._stdout
        process = subprocess.Popen([*COMMAND, *self.command], stdout=stdout, stderr=log, cwd=self.folder)
        self._output = process.stdout
        return process


def inode_of_peer(connection: http.client.HTTPConnection) -> str:
    """The inode of the socket at the other end of *connection*, which a process of this machine has accepted."""
    here, there = (f"0100007F:{port:04X}" for _, port in (connection.sock.getsockname(), connection.sock.getpeername()))
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()]
    return next(row[9] for row in rows if row[1:3] == [there, here])


def opened(pid: int) -> set[str]:
    """What the process *pid* has open: the paths of files, and sockets as ``socket:[inode]``."""
    found: set[str] = set()
    with suppress(OSError):  # the process has ended
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # it was closed
                found.add(str(each.readlink()))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once *condition* holds."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the deadline is over"
        time.sleep(0.01)  # between two looks
