"""Certificates, made once for all tests of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.certificates import self_signed


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    self_signed(folder, "server", "client", "stranger")
    return folder
