"""One browser for all tests of a run that need one."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.console.browser import Browser, started
from tests.needs import check


@pytest.fixture(scope="session")
def browser() -> Generator[Browser]:
    check("chromium")
    with started() as browser:
        yield browser
