"""The reference has what it needs to have."""

from __future__ import annotations

import statefun_actors
from tests.test_readme import ROOT

DOCS = ROOT / "statefun_actors" / "docs"


def test_the_reference_has_an_entry_with_a_text_for_each_public_name() -> None:
    entries = {
        entry.partition("`\n")[0]: entry.partition("`\n")[2]
        for entry in (DOCS / "reference.md").read_text(encoding="utf-8").split("\n### `")[1:]
    }

    assert [name for name in statefun_actors.__all__ if len(entries.get(name, "").split()) < 5] == []


def test_an_entry_of_an_error_says_whether_a_retry_helps() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")

    missing = [
        name
        for name in statefun_actors.__all__
        if name.endswith("Error") and "retr" not in text.partition(f"### `{name}`\n")[2].partition("\n### ")[0].lower()
    ]
    assert missing == []
