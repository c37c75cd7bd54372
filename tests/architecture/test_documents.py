"""ARCHITECTURE.md says what the code does: its rooms are those of the import table, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.import_table import TABLE

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["ARCHITECTURE.md", "CONTRIBUTING.md"]


def test_the_rooms_of_the_architecture_are_those_of_the_import_table() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE) == list(TABLE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_of_a_document_lead_to_files(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)", text)

    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_a_class_that_the_architecture_links_is_defined_in_that_file() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"\[`([A-Z]\w+)[\w.]*`\]\(([\w/.]+\.py)\)", text)

    missing = [
        (name, target)
        for name, target in named
        if not re.search(rf"^class {name}\b", (ROOT / target).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(named) > 10
    assert missing == []
