"""No test is skipped in silence where every part must be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.needs import check, skip_or_fail

TESTS = Path(__file__).parents[1]
BY_VERSION = {"entity/test_messages.py", "types/test_protobuf.py"}
"""They skip what this Python or this protobuf does not have, which no machine can mend."""


def test_under_ci_what_is_missing_fails_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception) as failed:
        skip_or_fail("needs a full moon")

    assert str(failed.value) == "needs a full moon"


def test_elsewhere_what_is_missing_skips_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception) as skipped:
        skip_or_fail("needs a full moon")

    assert str(skipped.value) == "needs a full moon"


def test_an_existing_build_needs_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.needs.NEEDS", {"nothing": lambda: None})

    check("nothing")


def test_nothing_else_skips_tests() -> None:
    skips = re.compile(r"pytest\.(?:skip\(|importorskip|mark\.skip)")
    found = {
        str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py") if skips.search(path.read_text(encoding="utf-8"))
    }

    assert found - {"needs.py", "architecture/test_skips.py"} == BY_VERSION
