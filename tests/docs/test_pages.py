"""Each page of the documentation does what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.walking import walk
from tests.test_readme import PAGES, RUN_HERE


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem not in RUN_HERE], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    walk(page.read_text(encoding="utf-8"), tmp_path)


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_a_page_begins_with_a_title_and_a_sentence(page: Path) -> None:
    title, blank, first, *_ = page.read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"# .{3,70}", title)
    assert blank == ""
    assert re.match(r"[A-Z`-]", first)
