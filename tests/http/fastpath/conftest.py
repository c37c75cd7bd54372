"""Stops of servers that wait for no client."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def short_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.http.server.LINGER_SECONDS", 0.0)
