"""A full disk, under a run and behind the output of commands: one line of error, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.cli.commands import (
    DEADLINE,
    run,
    started,
    states,
    summary,
    wait_until,
    without_times,
    write_lines,
)
from tests.needs import skip_or_fail

APP = """
from statefun_actors import Entity, handles, persisted


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles(int)
    def deposit(self, message: int) -> None:
        self.balance += message

    @handles(str)
    def note(self, message: str) -> None:
        self.balance += 1
        self.send_egress("bank/notes", message)
"""
FULL = Path("/dev/full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.mark.needs("linux")  # limits the files of another process
@pytest.mark.parametrize("room_again", [False, True])
def test_a_run_on_a_full_disk_refuses_what_comes_and_stops_cleanly(folder: Path, room_again: bool) -> None:
    import resource

    send = ("send", "app.py", "bank/account/ada", "io.statefun.types/long")
    lock = folder / ".statefun" / "app.db.lock"
    with started("run", "app.py", "--json", folder=folder) as process:
        wait_until(lambda: lock.exists() and "door " in lock.read_text(), "the control door is open")
        stored = run(*send, "1", folder=folder)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        refused = run(*send, "10", folder=folder)
        if room_again:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            wait_until(lambda: run(*send, "100", folder=folder).returncode == 0, "the engine has found that it can")
        process.send_signal(signal.SIGTERM)
        _, reported = process.communicate(timeout=DEADLINE)
    summary("app.py", "--until-idle", folder=folder)

    assert (stored.returncode, refused.returncode) == (0, 1)
    assert refused.stderr.startswith("Error: not stored, so send it again: store .statefun/app.db: the disk failed: ")
    assert process.returncode == 0
    assert "Traceback" not in reported
    found = states(folder / ".statefun" / "app.db")
    assert found == {"bank/account/ada": {"balance": 101 if room_again else 1}}


@contextlib.contextmanager
def small_disk(path: Path) -> Generator[Callable[[str], object]]:
    """A file system of 600 kB at *path*, and a function that changes its size."""

    def mount(*options: str) -> None:
        subprocess.run(["mount", *options, str(path)], check=True, capture_output=True)

    path.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=600k", "tmpfs")
    except (OSError, subprocess.CalledProcessError) as error:
        skip_or_fail(f"no file system can be mounted here: {error}")
    try:
        yield lambda size: mount("-o", f"remount,size={size}")
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_run_goes_on_where_the_disk_was_full(folder: Path) -> None:
    note = {"type": "io.statefun.types/string", "value": "x" * 200}
    write_lines(folder / "in.jsonl", *[{"to": f"bank/account/{number}", **note} for number in range(2_000)])
    command = ("app.py", "--input", "in.jsonl", "--until-idle", "--store", "disk/store.db")
    with small_disk(folder / "disk") as grow:
        with started("run", *command, "--json", folder=folder) as process:
            assert process.stderr is not None
            reported = process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            first, _ = process.communicate(timeout=DEADLINE)
        grow("8m")
        second = summary(*command, folder=folder)
        found = states(folder / "disk" / "store.db")

    assert without_times(reported) == (
        "ERROR statefun_actors.engine: "
        "the store failed; resuming from the last successful commit: store disk/store.db: the disk is full. "
        "Free disk space.\n"
    )
    assert process.returncode == 128 + signal.SIGTERM
    (handled,) = re.findall(r'"messages_handled":(\d+)', first)
    assert int(handled) + second["messages_handled"] == 2_000
    assert second["egress_kept"] == 2_000
    assert found == {f"bank/account/{number}": {"balance": 1} for number in range(2_000)}


def test_a_disk_that_is_full_before_it_starts_is_reported(folder: Path) -> None:
    with small_disk(folder / "disk"):
        with contextlib.suppress(OSError), (folder / "disk" / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4_096))
        refused = run("run", "app.py", "--until-idle", "--store", "disk/store.db", folder=folder)

    assert (refused.returncode, refused.stderr) == (
        1,
        "Error: store disk/store.db: it can't be opened: No space left on device. "
        "Free disk space, or choose another path.\n",
    )


@pytest.mark.needs("/dev/full")
@pytest.mark.parametrize(
    "command",
    ["run app.py --until-idle", "run app.py --until-idle --json", "state app.py", "export app.py", "--help"],
)
def test_output_that_can_not_be_written_is_reported_in_a_line(folder: Path, command: str) -> None:
    write_lines(folder / "in.jsonl", {"to": "bank/account/ada", "type": "io.statefun.types/long", "value": 1})
    summary("app.py", "--input", "in.jsonl", "--until-idle", folder=folder)
    with FULL.open("wb") as full:
        done = run(*command.split(), folder=folder, stdout=full)

    assert (done.returncode, done.stderr) == (1, "Error: the output can't be written: No space left on device.\n")


def test_an_export_to_a_pipe_leaves_it_a_pipe(folder: Path) -> None:
    summary("app.py", "--until-idle", folder=folder)
    os.mkfifo(folder / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((folder / "pipe").read_bytes()), daemon=True)
    reader.start()
    done = run("export", "app.py", "-o", "pipe", folder=folder)
    reader.join(DEADLINE)

    assert done.returncode == 0, done.stderr
    assert (folder / "pipe").is_fifo()
    assert read[0].startswith(b"{")
