"""Each page of the documentation does what it shows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from statefun_actors import DeadLetter
from statefun_actors.cli.settings_file import settings_file
from tests.docs.walking import blocks, walk
from tests.test_readme import PAGES, ROOT, RUN_HERE


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem not in RUN_HERE], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    walk(page.read_text(encoding="utf-8"), tmp_path)


def test_the_files_of_the_page_on_testing_run(tmp_path: Path) -> None:
    text = (PAGES[1].parent / "testing.md").read_text(encoding="utf-8")

    walk(text, tmp_path, only={"orders.py", "test_orders.py"})

    assert {path.name for path in tmp_path.iterdir()} >= {"orders.py", "test_orders.py"}


def test_the_settings_of_the_page_on_commands_are_read(tmp_path: Path) -> None:
    page = (PAGES[1].parent / "commands.md").read_text(encoding="utf-8")
    (text,) = [block.text for block in blocks(page) if block.file == "pyproject.toml"]
    (tmp_path / "pyproject.toml").write_text(text)

    found = settings_file(tmp_path / "pyproject.toml")

    assert found is not None
    assert found.settings == {"retry_budget": 2.0, "on_failure": DeadLetter("shop/failed")}
    assert found.commands["run"] == {
        "log-format": "json",
        "store": "data/app.db",
        "bind": ["127.0.0.1:8080"],
        "egress": ["shop/failed=failed.jsonl"],
    }


def test_the_extras_are_those_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = (PAGES[1].parent / "commands.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `\[(\w+)\]` \| (.+?) \|", page, re.MULTILINE))

    assert rows.pop("dev") == "all of these, and tools"
    del declared["dev"]
    assert {extra: names.split(", ") for extra, names in rows.items()} == {
        extra: [re.split(r"[<>=~\[]", each)[0] for each in needed] for extra, needed in declared.items()
    }


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_a_page_begins_with_a_title_and_a_sentence(page: Path) -> None:
    title, blank, first, *_ = page.read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"# .{3,70}", title)
    assert blank == ""
    assert re.match(r"[A-Z`-]", first)
