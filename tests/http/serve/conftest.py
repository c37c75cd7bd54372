"""The file of the application, and a server for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.serve.counting import APP
from tests.http.serving import Server, serving


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("serve") / "app.py"
    path.write_text(APP, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server(app: Path) -> Iterator[Server]:
    with serving(app) as running:
        yield running
