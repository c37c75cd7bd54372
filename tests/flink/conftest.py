"""Fixtures: a Flink for all tests of the process, the app behind it, and one test's view of both."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.flink.distribution import HERE
from tests.flink.seen import Flink
from tests.flink.served import ServedApp
from tests.flink.session import session


@pytest.fixture(scope="session")
def served() -> Generator[ServedApp]:
    """``statefun-actors serve``, running."""
    app = ServedApp(HERE / "app.py", session().served.number)
    try:
        app.start()
        yield app
    finally:
        app.close()


@pytest.fixture
def flink(served: ServedApp, request: pytest.FixtureRequest) -> Generator[Flink]:
    """Flink in front of the served app. Afterwards the job must be up, and never have failed by itself."""
    flink = Flink(session().jvm, request.node.name)
    yield flink
    flink.assert_up()
