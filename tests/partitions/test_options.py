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


def test_a_renamed_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP.replace('typename="test/cell"', 'typename="test/cell", was="test/former"'))
    done = run("run", "app.py", "--partitions", "2", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: --partitions does not work with was= of a class yet: test/former, now test/cell, would get other "
        "partitions; omit was= if nothing is stored of test/former, or run without --partitions."
    )
