"""Options of ``run --partitions`` that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.partitions.running import APP


@pytest.mark.parametrize("number", ["0", "-1", "65", "100000", "two", "²", ""])
def test_an_invalid_number_of_partitions_is_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    done = run("run", "app.py", f"--partitions={number}", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"Error: Invalid value for '--partitions': expected the number of processes, from 1 to 64, got {number!r}."
    )
