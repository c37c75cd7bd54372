"""A folder with the application of the tests of ``run``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.bank import APP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path
