"""One run with an ingress for all tests that do not stop it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.ingress.bank import APP
from tests.http.running import Running, running


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ingress")
    (path / "app.py").write_text(APP)
    return path


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Running]:
    with running(folder) as found:
        yield found
