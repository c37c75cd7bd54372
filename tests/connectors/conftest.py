"""A folder with an application whose records go to a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
