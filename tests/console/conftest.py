"""One browser for all tests of a run that need one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.console.browser import Browser, started
from tests.last_use import BROWSER, end_with
from tests.needs import check


@pytest.fixture(scope="session")
def browser() -> Browser:
    """Its tests are of the group BROWSER, whose last one ends it."""
    check("chromium")
    started_ones = ExitStack()
    end_with(BROWSER, started_ones.close)
    return started_ones.enter_context(started())


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return str(tmp_path / "store.db") if request.param == "file" else None
