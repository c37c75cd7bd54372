"""Child processes that end with their parent: by the kernel, or by a guard process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from statefun_actors.cluster import leash
from tests.cluster.command import children_of, is_alive, need_flink, wait_gone, wait_until

pytestmark = pytest.mark.needs("linux")  # looks for processes in /proc

# Starts a process with a child of its own, tells the numbers of both, and waits.
PARENT = """
import os, subprocess, sys, time
from statefun_actors.cluster.leash import leashed
guard = os.pipe() if sys.argv[1] == "guard" else None
nested = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
child = subprocess.Popen(
    leashed([sys.executable, "-c", nested], os.getpid(), *(guard[:1] if guard else [])),
    pass_fds=[guard[0]] if guard else [], start_new_session=True, stdout=subprocess.PIPE, text=True,
)
print(child.pid, child.stdout.readline().strip(), flush=True)
if sys.argv[2] == "end":
    child.kill()
    child.wait()
    print("ended", flush=True)
time.sleep(60)
"""


def start(kind: str, then: str) -> tuple[subprocess.Popen[str], int, int]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, kind, then], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child, grandchild = map(int, parent.stdout.readline().split())
    return parent, child, grandchild


def end(parent: subprocess.Popen[str], *others: int) -> None:
    parent.kill()
    parent.communicate()
    for pid in others:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.mark.parametrize("kind", ["kernel", "guard"])
def test_a_child_ends_with_a_parent_that_is_killed(kind: str) -> None:
    parent, child, grandchild = start(kind, "wait")
    try:
        assert is_alive(child)

        parent.send_signal(signal.SIGKILL)

        wait_gone([child, *([grandchild] if kind == "guard" else [])])  # the guard ends the whole group
    finally:
        end(parent, grandchild)


def test_a_guard_does_not_outlive_its_child() -> None:
    parent, child, grandchild = start("guard", "end")
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ended\n"

        wait_gone(guards_of(child, parent.pid))
    finally:
        end(parent, grandchild)


def guards_of(child: int, parent: int) -> list[int]:
    """The processes that were forked from *child*'s leash to *parent*: they still have its command line."""
    leash_to_it = [leash.__file__.encode(), str(parent).encode()]
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if words_of(pid)[3:5] == leash_to_it and pid != child]


def test_a_child_whose_parent_has_died_already_does_not_begin() -> None:
    command = [sys.executable, "-c", "from statefun_actors.cluster.leash import leashed; import subprocess, sys;"
             "sys.exit(subprocess.run(leashed(['echo', 'begun'], 1)).returncode)"]  # fmt: skip

    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.flink
@pytest.mark.xdist_group("maven")  # it needs no Flink of the tests, and one Maven at a time is enough
def test_maven_does_not_outlive_a_command_that_is_killed(tmp_path: Path) -> None:
    """Signals that a command hears: test_before_it_starts."""
    need_flink()
    app = Path(__file__).parents[1] / "deploy" / "apps.py"
    command = [sys.executable, "-m", "statefun_actors", "flink", str(app), "--kafka"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "STATEFUN_ACTORS_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: bool(fetching_for(process.pid)), "Maven to run")
        fetching = fetching_for(process.pid)

        process.send_signal(signal.SIGKILL)
        process.wait(60)

        wait_gone(fetching)
    finally:
        process.kill()
        process.wait()


def fetching_for(pid: int) -> list[int]:
    """The Maven that the command *pid* has started, as its leash, its script or its Java."""
    return [child for child in children_of(pid) if b"dependency:copy-dependencies" in words_of(child)]


def words_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
