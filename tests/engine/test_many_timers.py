"""However many delayed messages are pending, the engine holds the nearest ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("count", "most"), [(60_000, 30_000_000), pytest.param(1_000_000, 50_000_000, marks=pytest.mark.slow)]
)
def test_many_pending_messages_cost_the_memory_of_a_few_thousand(count: int, most: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.engine.many_timers", str(tmp_path / "store.db"), str(count)]
    reported = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]).stdout
    )

    assert reported["pending"] == count + 1_000
    assert reported["rung"] >= 5_000
    assert reported["in_order"]
    assert reported["grown"] < most
