"""``statefun-actors state``: the fields of entities by type, prefix or id; next to an engine or without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.cli.store.shop import STORE, WISHES, engine, in_this_process, refusal, reported, shop, table, wish


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"), *WISHES, {"to": "shop/page/a/b c", "value": 3})


def test_without_more_it_counts(folder: Path) -> None:
    assert run("state", "app.py", folder=folder).stdout == (
        "type          entities\nshop/basket   2\nshop/page     1\n"
    )
    assert reported("state", "app.py", folder=folder) == [
        {"type": "shop/basket", "entities": 2, "paused": None},
        {"type": "shop/page", "entities": 1, "paused": None},
    ]


def test_a_store_may_be_named_by_its_url(folder: Path) -> None:
    def refused(url: str) -> str:
        done = run("state", "--store", url, folder=folder)
        assert done.returncode == 2
        return done.stderr.splitlines()[-1]

    stored = next(folder.glob(".statefun/*.db")).relative_to(folder)
    shown = run("state", "--store", f"sqlite:///{stored}", folder=folder)

    assert shown.stdout == run("state", "app.py", folder=folder).stdout
    assert run("state", "--store", f"sqlite:///{folder / stored}", folder=folder).stdout == shown.stdout
    invalid = "Error: Invalid value for '--store': store"
    assert refused("mysql://shop") == (
        f"{invalid} mysql://shop: unknown scheme 'mysql'; expected one of: memory, sqlite"
    )
    assert refused("sqlite://shop.db") == (
        f"{invalid} sqlite://shop.db: expected sqlite:///FILE, or sqlite:////FILE for an absolute path"
    )
    assert refused("memory://") == (
        f"{invalid} memory://: a store in memory can be used by its own process only. Name a file."
    )


def test_a_type_lists_its_entities_by_id(folder: Path) -> None:
    head, *rows = table("state", "app.py", "shop/basket", folder=folder)

    assert [cell.strip() for cell in head if cell] == ["id", "last changed", "state"]
    assert [row[0] for row in rows] == ["ada", "adam"]
    assert rows[0][-1] == 'spent=5 wishes=["tea"] best={"price":5,"text":"tea"}'
    assert rows[1][-1] == r'wishes=["é\n"] best={"price":0,"text":"é\n"}'


def test_a_prefix_and_a_limit_make_it_less(folder: Path) -> None:
    few = run("state", "app.py", "shop/basket", "--limit", "1", folder=folder)

    assert [each["id"] for each in reported("state", "app.py", "shop/basket", "--prefix", "adam", folder=folder)] == [
        "adam"
    ]
    assert [each["id"] for each in reported("state", "app.py", "shop/basket", "--limit", "1", folder=folder)] == ["ada"]
    assert few.stdout.splitlines()[-1] == "… and more; --limit NUMBER shows more than 1."
    assert run("state", "app.py", "shop/basket", "--prefix", "x", folder=folder).stdout == (
        "Nothing is stored of shop/basket with an id that begins with x.\n"
    )


def test_one_entity_is_shown_field_by_field_as_its_class_declares_them(folder: Path) -> None:
    shown = run("state", "app.py", "shop/basket/adam", folder=folder).stdout.splitlines()
    (found,) = reported("state", "app.py", "shop/basket/adam", folder=folder)

    assert re.fullmatch(r"shop/basket/adam, last changed \d{4}-.*Z", shown[0])
    assert [re.split("  +", line) for line in shown[1:]] == [
        ["field", "value"],
        ["spent", "0", "absent; that is its default"],
        ["wishes", r'["é\n"]', f"until {found['expires']['wishes']}"],
        ["best", r'{"price":0,"text":"é\n"}'],
    ]
    assert found == {
        "address": "shop/basket/adam",
        "type": "shop/basket",
        "id": "adam",
        "fields": {"spent": 0, "wishes": ["é\n"], "best": {"text": "é\n", "price": 0}},
        "absent": ["spent"],
        "expires": {"wishes": found["expires"]["wishes"]},
        "last_changed": found["last_changed"],
        "paused": None,
    }


def test_an_id_may_hold_anything(folder: Path) -> None:
    assert reported("state", "app.py", "shop/page/a/b c", folder=folder)[0]["fields"] == {"visits": 3}


def test_without_the_application_states_are_shown_raw(folder: Path) -> None:
    store = ("state", "--store", str(STORE))

    assert [each["type"] for each in reported(*store, folder=folder)] == ["shop/basket", "shop/page"]
    assert [each["id"] for each in reported(*store, "shop/basket", folder=folder)] == ["ada", "adam"]
    assert reported(*store, "shop/basket/ada", folder=folder)[0]["fields"] == {
        "total": 5,
        "wishes": ["tea"],
        "best": {"text": "tea", "price": 5},
    }
    assert reported(*store, "app.py", "shop/basket/ada", folder=folder)[0]["fields"]["spent"] == 5


def test_it_reads_a_store_during_a_run(tmp_path: Path) -> None:
    folder = shop(tmp_path, wish("ada", "tea", 5))

    with engine(folder):
        assert reported("state", "app.py", "shop/basket/ada", folder=folder)[0]["fields"]["wishes"] == ["tea"]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "Error: expected APP, whose store it is, or --store FILE."),
        (["nothing.py"], 2, "Error: there is no module, file or folder 'nothing.py' here ({folder})."),
        (
            ["app.py", "--store", "no.db"],
            1,
            "Error: store no.db: the file does not exist. `statefun-actors run` creates it.",
        ),
        (["--store", "app.py"], 1, "Error: store app.py: the file is not a SQLite database. Choose another path."),
        (
            ["app.py", "shop/baskets/ada"],
            2,
            "Error: there is nothing of 'shop/baskets/ada' in .statefun/app.db; there are shop/basket, shop/page.",
        ),
        (
            ["app.py", "basket"],
            2,
            "Error: a type is <namespace>/<name>, an address <namespace>/<name>/<id>: got 'basket'. "
            "Write <namespace>/<name>, such as 'bank/account'.",
        ),
        (
            ["app.py", "shop/basket/eve"],
            1,
            "Error: nothing is stored of shop/basket/eve in .statefun/app.db: it has never been written, or all of it "
            "has expired or was deleted. `statefun-actors state … shop/basket` lists those that are there.",
        ),
        (["app.py", "shop/basket", "x"], 2, "Error: unexpected argument: 'x'."),
        (["app.py", "--prefix", "x"], 2, "Error: --prefix goes with a TYPE, such as bank/account."),
        (
            ["app.py", "--limit", "0"],
            2,
            "Error: Invalid value for '--limit': 0 is not in the range x>=1.",
        ),
    ],
)
def test_a_wrong_argument_is_an_error_in_one_line(
    folder: Path, arguments: list[str], code: int, complaint: str
) -> None:
    assert refusal("state", "list", *arguments, folder=folder, code=code) == complaint.format(folder=folder)


# Set


def test_without_an_engine_a_field_is_set_in_the_store(tmp_path: Path) -> None:
    folder = shop(tmp_path, {"to": "shop/page/home", "value": 7})
    dry = run("state", "set", "app.py", "shop/page/home", "visits", "8", "--dry-run", folder=folder)
    done = run("state", "set", "app.py", "shop/page/home", "visits", "9", "--yes", folder=folder)
    same = reported("state", "set", "app.py", "shop/page/new", "visits", "1", "--yes", folder=folder)
    run("send", "app.py", "shop/page/home", "1", folder=folder)
    run("run", "app.py", "--until-idle", folder=folder)

    assert dry.stdout == "Would set visits of shop/page/home from 7 to 8. Nothing was changed.\n"
    assert done.stdout == "Set visits of shop/page/home from 7 to 9.\n"
    change = {"address": "shop/page/new", "field": "visits", "from": 0, "to": 1}
    assert same == [{"set": change, "running": False}]
    assert reported("state", "app.py", "shop/page/home", folder=folder)[0]["fields"] == {"visits": 10}


def test_the_engine_that_runs_sets_a_field_of_another_name_in_the_store(tmp_path: Path) -> None:
    folder = shop(tmp_path, *WISHES)
    with engine(folder):
        (done,) = reported("state", "set", "app.py", "shop/basket/ada", "spent", "100", "--yes", folder=folder)
        (found,) = reported("state", "app.py", "shop/basket/ada", folder=folder)

    assert (done["running"], done["set"]["to"], found["fields"]["spent"]) == (True, 100, 100)


def test_a_negative_number_is_a_value_and_no_option(tmp_path: Path) -> None:
    folder = shop(tmp_path, {"to": "shop/page/home", "value": 7})

    assert run("state", "set", "app.py", "shop/page/home", "visits", "-5", "--yes", folder=folder).returncode == 0
    assert run("send", "app.py", "shop/page/home", "-2", "--after", "0s", folder=folder).returncode == 0
    run("run", "app.py", "--until-idle", folder=folder)
    assert reported("state", "app.py", "shop/page/home", folder=folder)[0]["fields"] == {"visits": -7}


def test_the_question_shows_what_is_stored_with_unprintable_characters_escaped(tmp_path: Path) -> None:
    folder = shop(tmp_path, {"to": "shop/page/a\x1b[2Jb", "value": 7})
    words = ("state", "set", "app.py")

    stored = in_this_process(*words, "shop/page/a\x1b[2Jb", "visits", "8", folder=folder, typed="n\n")
    other = in_this_process(*words, "shop/page/c", "visits", "8", folder=folder, typed="n\n")

    assert "Set visits of shop/page/a\\x1b[2Jb from 7 to 8? [y/N]:" in stored.stderr
    assert "Set visits of shop/page/c from nothing stored to 8? [y/N]:" in other.stderr
    assert (stored.exit_code, other.exit_code) == (1, 1)


def test_a_value_from_standard_input_needs_yes(tmp_path: Path) -> None:
    folder = shop(tmp_path, {"to": "shop/page/home", "value": 7})
    words = ("state", "set", "app.py", "shop/page/home", "visits", "-")

    assert refusal(*words, folder=folder, code=2) == (
        "Error: expected --yes with -: JSON is read from standard input, where the question can't be answered."
    )
    assert in_this_process(*words, "--yes", folder=folder, typed="8").stdout == (
        "Set visits of shop/page/home from 7 to 8.\n"
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ["shop/basket/ada", "best", "ada"],
            "Error: expected JSON, got 'ada': JSON is malformed: invalid character (byte 0). "
            "A text in JSON has quotes of its own: '\"ada\"'.",
        ),
        (
            ["shop/basket/ada", "spent", '"x"'],
            "Error: the JSON does not fit the field spent: expected `int`, got `str`.",
        ),
        (
            ["shop/basket/ada", "best", '{"text": "a", "price": 1, "text": "b"}'],
            'Error: expected each key once, got "text" twice in one object. Remove one of them.',
        ),
        (["shop/basket/ada", "cost", "1"], "Error: Basket has no field 'cost'; it has: spent, wishes, best"),
        (["shop/basket/ada", "best", '{"price": 1}'], "Error: the JSON does not fit the field best:"),
        (["shop/none/ada", "cost", "1"], "Error: nothing here serves 'shop/none'; served are"),
        (["ada", "spent", "1"], "Error: an address is <namespace>/<name>/<id>"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(folder: Path, words: list[str], problem: str) -> None:
    assert problem in refusal("state", "set", "app.py", *words, "--yes", folder=folder, code=2)
