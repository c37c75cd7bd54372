"""One browser for all tests of a run that need one."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.console.browser import Browser, started
from tests.needs import check


@pytest.fixture(scope="session")
def browser() -> Generator[Browser]:
    check("chromium")
    with started() as browser:
        yield browser


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return str(tmp_path / "store.db") if request.param == "file" else None
