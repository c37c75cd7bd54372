"""A folder with the application of the tests of ``run``, and the handlers of signals as they were."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from statefun_actors.cli.signals import STOP_SIGNALS
from tests.cli.bank import APP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def restored_signal_handlers() -> Generator[None]:
    """Restore the handlers of signals, which a supervisor sets for its whole process."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
