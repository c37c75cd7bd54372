"""Partitions of ``run --partitions`` that end by themselves or are killed, and are started again."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Final

from statefun_actors.admin import read_entities
from tests.cli.commands import summary
from tests.partitions.cells import Cell
from tests.partitions.running import APP, Running, wait_for
from tests.partitions.test_input import BATCH, HERE, LONG, THERE, line, write_lines

DEADLY: Final = """if order.number == 13:
            if not os.path.exists("all-are-ready"):
                raise ValueError("it is tried again later")
            os.kill(os.getpid(), signal.SIGKILL)
        added = Added("""


def test_a_partition_that_is_down_is_named_and_comes_back(tmp_path: Path) -> None:
    with Running(tmp_path, 2) as running:
        assert running.add(THERE, 1).status == 200
        os.kill(running.pid_of(1), signal.SIGSTOP)
        stopped = running.pid_of(1)
        try:
            # Connections at the socket of the stopped process wait; those of the other one are answered.
            wait_for(lambda: _ready(running) == b"not ready: partition 1: did not answer within 3 s\n")
        finally:
            os.kill(stopped, signal.SIGKILL)
        wait_for(lambda: _ready(running) == b"ready\n")
        assert running.add(THERE, 2).json() == {"id": THERE, "count": 2}
        assert (
            " WARNING statefun_actors.partitions: partition 1 was killed by SIGKILL; it is started again\n"
        ) in running.logged()
        os.kill(running.pid_of(1), signal.SIGTERM)
        wait_for(lambda: "partition 1 ended with exit code 0; it is started again, restart 2\n" in running.logged())
        wait_for(lambda: _ready(running) == b"ready\n")
        assert running.add(THERE, 3).json() == {"id": THERE, "count": 3}
        assert running.stop() == 0
        assert (
            "\nPartition 1 was started again 2 times.\n"
            "This run's counts may lack what a partition did in the last second before its process died.\n"
        ) in running.logged()


def _ready(running: Running) -> bytes:
    """What a running partition says; nothing if the connection waits at the socket of another one."""
    try:
        return running.request("GET", "/readyz", timeout=5).body
    except OSError:
        return b""


def test_a_run_whose_partition_ends_again_and_again_ends_and_the_next_one_continues_it(tmp_path: Path) -> None:
    app = APP.replace("\nfrom statefun", "\nimport os, signal\nfrom statefun").replace("added = Added(", DEADLY)
    numbers = range(11, 16)
    lines = [line(id, number, id) for number in numbers for id in (HERE, THERE) if (id, number) != (HERE, 13)]
    write_lines(tmp_path / "in.jsonl", *lines)
    with Running(tmp_path, 2, "--input", "in.jsonl", "--until-idle", "--json", app=app) as running:
        (tmp_path / "all-are-ready").touch()
        assert running.process.wait(LONG) == 1
        log = running.logged()
    error = (
        "partition 1 has ended 6 times in a row, each time within 30 s of its start, the last time it was killed by "
        "SIGKILL. The system does that if there is not enough memory. All that was acknowledged is stored: remove the "
        "cause, and run again."
    )
    assert log.endswith(f"Error: {error}\n")
    assert log.count("partition 1 was killed by SIGKILL; it is started again") == 5
    reported = json.loads(next(line for line in log.splitlines() if line.startswith("{")))
    assert (reported["ended"], reported["error"]) == ("error", error)
    here, there = reported["partitions"]
    assert here == {"messages_handled": 8, "restarts": 0, "exact": True}
    assert (there["restarts"], there["exact"]) == (5, False)

    (tmp_path / "app.py").write_text(APP)
    assert summary(*BATCH, folder=tmp_path, deadline=LONG)["ended"] == "idle"
    found = dict(read_entities(tmp_path / "bank.db", Cell))
    expected = {HERE: [11, 12, 14, 15], THERE: [*numbers]}
    assert {id: found[id].numbers for id in (HERE, THERE)} == expected
    assert {id: found[id].passed for id in (HERE, THERE)} == {
        id: [(id, number) for number in passed] for id, passed in expected.items()
    }
