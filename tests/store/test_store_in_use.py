"""A store in use is refused to a second engine, and free once the first has ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing.checks.common import entity
from tests.store.on_disk import commit, refusal

HOLD = """
import sys
from statefun_actors.store.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_store_in_use_is_refused_in_the_same_process(store: SqliteStore, path: Path) -> None:
    complaint = refusal(lambda: SqliteStore(path))

    since = (
        re.escape(f"store {path}: it is in use by process {os.getpid()} since ") + r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    )
    assert re.fullmatch(since + r"\. Stop it first\.", complaint)
    commit(store, entity("ada"))
    store.close()
    SqliteStore(path).close()


def test_a_store_in_use_names_the_other_process_and_is_free_once_that_is_killed(path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        assert f"it is in use by process {holder.pid} since" in refusal(lambda: SqliteStore(path))

        holder.send_signal(signal.SIGKILL)
        holder.wait()

    SqliteStore(path).close()


def test_a_program_started_meanwhile_does_not_keep_the_lock(store: SqliteStore, path: Path) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        store.close()
        SqliteStore(path).close()
        child.communicate()
