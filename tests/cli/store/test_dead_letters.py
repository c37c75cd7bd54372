"""``statefun-actors dead-letters``: listed, retried, edited and dropped; through an engine or without one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.commands import DEADLINE, process_of, run, summary, wait_until
from tests.cli.store.shop import STORE, WISHES, engine, refusal, reported, shop, spent, table


def numbers(folder: Path) -> list[int]:
    return [each["number"] for each in reported("dead-letters", "list", "app.py", folder=folder)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shop(tmp_path, *WISHES)


def test_they_are_listed_and_shown_whole(folder: Path) -> None:
    head, first, _ = table("dead-letters", "app.py", folder=folder)
    found = reported("dead-letters", "list", "app.py", folder=folder)
    jam = found[0]
    shown = run("dead-letters", "show", "app.py", str(jam["number"]), folder=folder)

    assert [cell.strip() for cell in head if cell.strip()] == [
        "number", "time", "to", "type", "value", "attempts", "error",
    ]  # fmt: skip
    assert [cell.strip() for cell in first if cell.strip()] == [
        str(jam["number"]), jam["time"], "shop/basket/bob", "shop/wish", '{"price":-1,"text":"jam"}', "1",
        "TerminalError: nobody pays for that",
    ]  # fmt: skip
    assert jam == {
        "number": jam["number"],
        "time": jam["time"],
        "to": "shop/basket/bob",
        "from": None,
        "type": "shop/wish",
        "value": {"text": "jam", "price": -1},
        "error_type": "TerminalError",
        "error": "nobody pays for that",
        "attempts": 1,
    }
    assert "error        nobody pays for that" in shown.stdout
    assert reported("dead-letters", "show", "--store", str(STORE), str(jam["number"]), folder=folder) == [jam]
    assert run("dead-letters", "list", "app.py", "--to", "shop/page", folder=folder).stdout == (
        "There are no dead letters for shop/page.\n"
    )


def test_without_an_engine_one_is_mended_and_the_next_run_handles_it(folder: Path) -> None:
    jam, ham = numbers(folder)

    done = run("dead-letters", "retry", "app.py", str(jam), "--value", '{"text":"jam","price":1}', folder=folder)

    assert done.stdout == f"Retried dead letter {jam}. The next run handles the new messages.\n"
    assert numbers(folder) == [ham]
    summary("app.py", "--until-idle", folder=folder)
    assert spent(folder, "bob") == 1


def test_a_running_engine_tries_again_and_what_fails_again_has_another_number(folder: Path) -> None:
    jam, ham = numbers(folder)

    with engine(folder):
        done = run("dead-letters", "retry", "app.py", str(jam), folder=folder)
        wait_until(lambda: len(numbers(folder)) == 2, "it has failed again")
        again = numbers(folder)
        mended = reported(
            "dead-letters", "retry", "app.py", str(again[1]), "--value", '{"text":"jam","price":1}', folder=folder
        )
        wait_until(lambda: numbers(folder) == [ham], "it is dealt with")
        wait_until(
            lambda: bool(reported("state", "app.py", "shop/basket", "--prefix", "bob", folder=folder)), "it is done"
        )

    assert done.stdout == f"Retried dead letter {jam}.\n"
    assert again[0] == ham
    assert again[1] > ham
    assert mended == [{"retried": [again[1]], "running": True}]
    assert spent(folder, "bob") == 1


def test_an_editor_mends_one(folder: Path) -> None:
    jam, ham = numbers(folder)
    edit = ("dead-letters", "retry", "app.py", str(jam), "--edit")

    def edited(editor: str) -> tuple[int | None, str]:
        environment = os.environ | {"EDITOR": editor, "VISUAL": editor}
        with process_of(*edit, folder=folder, environment=environment) as editing:
            _, errors = editing.communicate(timeout=DEADLINE)
            return editing.returncode, errors

    assert edited("true") == (1, "Nothing was changed, and nothing is retried.\n")
    assert edited("sed -i s/-1/3/") == (0, "")
    assert numbers(folder) == [ham]
    summary("app.py", "--until-idle", folder=folder)
    assert spent(folder, "bob") == 3


def test_some_or_all_are_thrown_away(folder: Path) -> None:
    jam, ham = numbers(folder)

    asked = refusal("dead-letters", "discard", "app.py", "--all", folder=folder, code=1)
    one = run("dead-letters", "discard", "--store", str(STORE), str(jam), folder=folder)
    rest = reported("dead-letters", "discard", "app.py", "--all", "--yes", folder=folder)

    assert asked == f"Delete 2 dead letters of {STORE}? [y/N]: Aborted!"
    assert one.stdout == f"Discarded dead letter {jam}.\n"
    assert rest == [{"discarded": [ham], "running": False}]
    assert run("dead-letters", "list", "app.py", folder=folder).stdout == "There are no dead letters.\n"


def test_all_are_retried(folder: Path) -> None:
    jam, ham = numbers(folder)

    done = reported("dead-letters", "retry", "app.py", "--all", folder=folder)

    assert done == [{"retried": [jam, ham], "running": False}]
    assert summary("app.py", "--until-idle", folder=folder)["dead_letters"] == {"this_run": 2, "in_all": 2}


def test_a_running_engine_throws_away(folder: Path) -> None:
    jam, ham = numbers(folder)

    with engine(folder):
        done = reported("dead-letters", "discard", "app.py", str(jam), str(ham), folder=folder)
        again = refusal("dead-letters", "discard", "app.py", str(jam), folder=folder, code=1)

    assert done == [{"discarded": [jam, ham], "running": True}]
    assert again == (
        f"Error: there is no dead letter {jam}: it has been retried or discarded, or never existed. "
        "`statefun-actors dead-letters list` lists the current ones."
    )
    assert numbers(folder) == []


def test_a_wrong_argument_is_an_error_in_one_line_and_changes_nothing(folder: Path) -> None:
    jam, ham = numbers(folder)
    expected = "Error: expected a NUMBER, as `statefun-actors dead-letters list` shows it"
    for arguments, code, complaint in (
        (["retry", "app.py"], 2, f"{expected}."),
        (["retry", "app.py", "x"], 2, f"{expected}, got 'x'."),
        (["discard", "app.py", "9" * 30], 2, f"{expected}, got '{'9' * 30}'."),
        (["discard", "app.py", "9" * 5_000], 2, f"{expected}, got '{'9' * 80}'."),
        (["show", "app.py", str(jam), str(ham)], 2, f"Error: unexpected argument: '{ham}'."),
        (["discard", "app.py", str(jam), "--all"], 2, "Error: give NUMBERs or --all, not both."),
        (
            ["retry", "app.py", str(jam), str(ham), "--value", "1"],
            2,
            "Error: --value or --edit changes one dead letter: give one NUMBER and one of them.",
        ),
        (
            ["retry", "--store", str(STORE), str(jam), "--value", "1"],
            2,
            "Error: a value is encoded by the classes of the application: give APP, too.",
        ),
        (
            ["retry", "app.py", str(jam), "--value", '{"text": 5}'],
            2,
            "Error: the JSON does not fit shop/wish: expected `str`, got `int` - at `$.text`.",
        ),
        (
            ["retry", "app.py", str(jam), "--value", '{"text": "a", "text": "b"}'],
            2,
            'Error: expected each key once, got "text" twice in one object. Remove one of them.',
        ),
        (
            ["retry", "app.py", str(jam), "999"],
            1,
            "Error: there is no dead letter 999: it has been retried or discarded, or never existed. "
            "`statefun-actors dead-letters list` lists the current ones.",
        ),
    ):
        assert refusal("dead-letters", *arguments, folder=folder, code=code) == complaint
    assert numbers(folder) == [jam, ham]
