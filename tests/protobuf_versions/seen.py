"""A pytest plugin that writes the protobuf version of a run and the results of its tests.

``-p tests.protobuf_versions.seen --seen FILE``
"""

from __future__ import annotations

import json
from pathlib import Path

import google.protobuf
import pytest
from google.protobuf.internal import api_implementation


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seen", type=Path, required=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    seen = {
        "version": google.protobuf.__version__,
        "implementation": api_implementation.Type(),
        "file": google.protobuf.__file__,
        "outcomes": {outcome: len(reports) for outcome, reports in terminalreporter.stats.items() if outcome},
    }
    file = config.getoption("seen")
    assert isinstance(file, Path)
    file.write_text(json.dumps(seen), encoding="utf-8")
