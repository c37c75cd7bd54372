"""``statefun-actors docs``: the pages that are part of the package."""

from __future__ import annotations

import re
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


def test_it_shows_the_entry_of_a_public_name() -> None:
    shown = CliRunner().invoke(main, ["docs", "persisted"]).stdout

    assert shown.startswith("### `persisted`\n")
    assert "- `factory`: creates that value" in shown
    assert shown.count("\n#") == 0


def test_a_name_with_a_dot_shows_its_class() -> None:
    shown = CliRunner().invoke(main, ["docs", "Entity.ask"]).stdout

    assert shown.startswith("### `Entity`\n")
    assert "- `ask(" in shown


def test_a_name_of_several_modules_shows_each_entry() -> None:
    shown = CliRunner().invoke(main, ["docs", "Context"]).stdout

    assert shown.count("### `Context`\n") == 2
    assert "\n## " not in shown


def test_a_name_that_a_page_has_too_is_shown_after_its_module() -> None:
    reference = next(page for page in PAGES if page.stem == "reference").read_text(encoding="utf-8")
    named = {page.stem for page in PAGES} & set(re.findall(r"^### `(\w+)`$", reference, re.MULTILINE))

    shown = CliRunner().invoke(main, ["docs", "strategies.messages"]).stdout

    assert named == {"messages"}
    assert shown.startswith("### `messages`\n")


def test_an_unknown_topic_is_refused() -> None:
    refused = CliRunner().invoke(main, ["docs", "replay"])

    assert refused.exit_code == 2
    assert (
        "no page and no public name 'replay'; expected a name of the reference, such as persisted, or one of: "
        f"{', '.join(page.stem for page in PAGES)}\n"
    ) in refused.output
