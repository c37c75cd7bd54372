"""The page on other languages shows code of the example, which test_polyglot.py runs."""

from __future__ import annotations

import pytest

from tests.docs.walking import Block, blocks
from tests.polyglot.applications import EXAMPLE

PAGE = EXAMPLE.parents[1] / "statefun_actors" / "docs" / "other-languages.md"
FOLDERS = {"java": EXAMPLE / "java/src/main/java/polyglot", "javascript": EXAMPLE / "javascript"}
SHOWN = [block for block in blocks(PAGE.read_text(encoding="utf-8")) if block.language in FOLDERS]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: f"{block.file} {block.text.split()[1]}")
def test_a_block_is_a_part_of_a_file_of_the_example(block: Block) -> None:
    assert block.text in (FOLDERS[block.language] / block.file).read_text(encoding="utf-8")
