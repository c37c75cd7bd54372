"""``run --partitions --reload``."""

from __future__ import annotations

import re
from pathlib import Path

from tests.partitions.running import APP, Running, wait_for
from tests.partitions.systems import id_in

HERE, THERE = id_in(0, "test/cell"), id_in(1, "test/cell")


def test_a_change_starts_the_new_code_in_all_partitions(tmp_path: Path) -> None:
    with Running(tmp_path, 2, "--reload") as running:
        try:
            assert [running.add(id, 1).json() for id in (HERE, THERE)] == [
                {"id": id, "count": 1} for id in (HERE, THERE)
            ]
            (tmp_path / "app.py").write_text(APP.replace("Added(self.id, len(", "Added(self.id, 100 * len("))
            wait_for(lambda: running.logged().count("Messages are taken") == 2)
            running.port = int(re.findall(r"http://127\.0\.0\.1:(\d+)/", running.logged())[-1])
            changed = [{"id": id, "count": 200} for id in (HERE, THERE)]
            assert [running.add(id, 2).json() for id in (HERE, THERE)] == changed
        finally:
            assert running.stop() == 0  # a killed one would leave the run that it has started
