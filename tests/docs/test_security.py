"""SECURITY.md: the tests that hold its promises exist."""

from __future__ import annotations

import re

from tests.test_readme import ROOT


def test_the_tests_that_it_names_are_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)

    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).exists()
        or not re.search(
            rf"^(async )?def {test or 'test_'}" + (r"\(" if test else ""),
            (ROOT / file).read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    ]
    assert len(named) > 20
    assert missing == []
