"""A partition that is started again alone, after the code on disk has got other names of function types."""

from __future__ import annotations

from pathlib import Path

from statefun_actors.store import placed_types
from tests.partitions.running import Running, wait_for
from tests.partitions.test_renamed import FORMER, IDS, RENAMED, add


def test_one_partition_alone_does_not_begin_with_other_names(tmp_path: Path) -> None:
    with Running(tmp_path, 2, app=FORMER) as running:
        for id in IDS:
            assert add(running, "former", id, 1).status == 200
        (tmp_path / "app.py").write_text(RENAMED)
        running.kill(running.pid_of(1))
        error = (
            "Error: partition 1: app.py has changed since this run began: expected no type with was=, got test/cell "
            "was test/former. One partition alone can't rename a type: the others would look for its entities "
            "elsewhere. Stop the run, and start it again; all partitions begin with the new names then.\n"
        )
        wait_for(lambda: running.logged().count(error) > 1)
        assert "partition 1 ended with exit code 1; it is started again, restart 2\n" in running.logged()
        assert placed_types(running.store) == {}
        (tmp_path / "app.py").write_text(FORMER)
        for id in IDS:
            # A partition that is not there yet does not take it.
            wait_for(lambda cell=id: add(running, "former", cell, 2, key="again").status == 200)  # type: ignore[misc]
            assert add(running, "former", id, 2, key="again").json() == {"id": id, "count": 2}
        assert running.stop() == 0
