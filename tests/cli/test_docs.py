"""``statefun-actors docs``: the pages that are part of the package."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from statefun_actors.cli import main

PAGES = sorted((Path(__file__).parents[2] / "statefun_actors" / "docs").glob("*.md"))


def test_it_lists_the_pages_with_their_titles() -> None:
    listed = CliRunner().invoke(main, ["docs"]).stdout.splitlines()

    assert [line.split()[0] for line in listed] == [page.stem for page in PAGES]
    assert "testing        Testing" in listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_it_shows_a_page(page: Path) -> None:
    shown = CliRunner().invoke(main, ["docs", page.stem])

    assert shown.stdout == page.read_text(encoding="utf-8")
    assert shown.stdout.startswith("# ")


def test_it_shows_all_pages_in_one_for_language_models() -> None:
    shown = CliRunner().invoke(main, ["docs", "llms-full"]).stdout

    assert [page.stem for page in PAGES if page.read_text(encoding="utf-8") not in shown] == []


def test_an_unknown_page_is_refused() -> None:
    refused = CliRunner().invoke(main, ["docs", "replay"])

    assert refused.exit_code == 2
    assert f"no page 'replay'; expected one of: {', '.join(page.stem for page in PAGES)}\n" in refused.output
