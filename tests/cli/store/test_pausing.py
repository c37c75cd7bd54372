"""``statefun-actors pause`` and ``resume``, with and without an engine, and through a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import summary, wait_until
from tests.cli.store.shop import STORE, engine, in_this_process, refusal, reported, shop

ADA, BASKET = "shop/basket/ada", "shop/basket"
APP = """
from statefun_actors import Entity, handles, persisted


class Basket(Entity, typename="shop/basket"):
    numbers: list[int] = persisted(factory=list)

    @handles
    def add(self, message: int) -> None:
        self.numbers.append(message)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def send(folder: Path, *numbers: int) -> None:
    for number in numbers:
        assert in_this_process("send", "app.py", ADA, str(number), folder=folder).exit_code == 0


def numbers(folder: Path) -> list[int]:
    for each in reported("state", "app.py", BASKET, folder=folder):
        if each["id"] == "ada":
            found: list[int] = each["fields"]["numbers"]
            return found
    return []


def test_messages_of_a_paused_entity_wait_in_order_through_kills(folder: Path) -> None:
    with engine(folder) as process:
        send(folder, 1)
        wait_until(lambda: numbers(folder) == [1], "the first message is handled")
        paused = reported("pause", "app.py", ADA, folder=folder)
        send(folder, 2, 3)
        [listed] = reported("pause", "app.py", folder=folder)
        process.kill()
        process.wait()
    with engine(folder) as process:
        send(folder, 4)
        process.kill()
        process.wait()
    send(folder, 5)
    [entity] = reported("state", "app.py", ADA, folder=folder)
    shown = in_this_process("state", "app.py", ADA, folder=folder).stdout
    hint = in_this_process("failing", "app.py", folder=folder).stderr
    with engine(folder):
        send(folder, 6)
        still = numbers(folder)
        resumed = reported("resume", "app.py", ADA, folder=folder)
        wait_until(lambda: len(numbers(folder)) == 6, "what waited is handled")
        handled = numbers(folder)

    since = listed.pop("since")
    assert paused == [{"paused": [ADA], "running": True}]
    assert listed == {"target": ADA, "type": BASKET, "id": "ada", "waiting": 2}
    assert entity["paused"] == since
    assert f", paused since {since}\n" in shown
    assert hint == (
        f"{ADA} is paused since {since}; messages waiting: 4. `statefun-actors resume … {ADA}` handles them.\n"
    )
    assert still == [1]
    assert [each["resumed"] for each in resumed] == [[ADA]]
    assert handled == [1, 2, 3, 4, 5, 6]


def test_without_an_engine_the_next_run_keeps_to_it(folder: Path) -> None:
    send(folder, 1, 2)
    dry = in_this_process("pause", "app.py", BASKET, "--dry-run", folder=folder)
    none = in_this_process("pause", "app.py", folder=folder)
    said = in_this_process("pause", "app.py", BASKET, "--yes", folder=folder)
    [types] = [each for each in reported("state", "app.py", folder=folder) if each["type"] == BASKET]
    table = in_this_process("pause", "app.py", folder=folder).stdout.splitlines()
    run = summary("app.py", "--until-idle", folder=folder)
    waiting = numbers(folder)
    dry_resume = in_this_process("resume", "app.py", BASKET, "--dry-run", folder=folder)
    resumed = in_this_process("resume", "app.py", BASKET, folder=folder)
    summary("app.py", "--until-idle", folder=folder)

    assert dry.stdout == f"Would pause {BASKET}. Nothing was changed.\n"
    assert none.stdout == "Nothing is paused.\n"
    assert said.stdout == f"Paused {BASKET}.\n"
    assert types["paused"] is not None
    assert [line.split()[0] for line in table] == ["paused", BASKET]
    assert table[1].split()[-1] == "2"
    assert (run["paused"], run["messages_waiting"], run["ended"]) == ([BASKET], 2, "idle")
    assert waiting == []
    assert dry_resume.stdout == f"Would resume {BASKET}. Nothing was changed.\n"
    assert resumed.stdout == f"Resumed {BASKET}. The next run handles the messages that wait.\n"
    assert numbers(folder) == [1, 2]


def test_a_whole_type_is_paused_after_a_question(folder: Path) -> None:
    no = in_this_process("pause", "app.py", BASKET, folder=folder, typed="n\n")
    yes = in_this_process("pause", "app.py", BASKET, ADA, folder=folder, typed="y\n")
    found = reported("pause", "app.py", folder=folder)

    assert f"Pause all entities of {BASKET} in {STORE}?" in no.stdout + no.stderr
    assert "Paused 2 entities and types." in yes.stdout
    assert [each["target"] for each in found] == [BASKET, ADA]


def test_a_run_says_what_is_paused(folder: Path) -> None:
    reported("pause", "app.py", *(f"{BASKET}/{id}" for id in "abcd"), folder=folder)
    done = in_this_process("run", "app.py", "--until-idle", folder=folder)

    assert f"Paused, so messages wait: {BASKET}/a, {BASKET}/b, {BASKET}/c and 1 more" in done.stdout


def test_at_most_a_thousand_messages_of_an_entity_are_counted(folder: Path) -> None:
    reported("pause", "app.py", ADA, folder=folder)
    line = f'{{"to": "{ADA}", "value": 1}}\n'
    (folder / "in.jsonl").write_text(line * 1_100)
    ran = in_this_process("run", "app.py", "--input", "in.jsonl", "--until-idle", "--bind", "none", folder=folder)
    listed = in_this_process("pause", "app.py", folder=folder).stdout

    assert ran.exit_code == 0, ran.stderr
    assert listed.splitlines()[1].endswith("1,000+")


def test_a_pause_is_part_of_an_export(folder: Path) -> None:
    reported("pause", "app.py", ADA, folder=folder)
    [before] = reported("pause", "app.py", folder=folder)
    assert in_this_process("export", "app.py", "-o", "all.jsonl", folder=folder).exit_code == 0
    assert in_this_process("import", "--store", "other.db", "app.py", "all.jsonl", folder=folder).exit_code == 0

    assert reported("pause", "--store", "other.db", folder=folder) == [before]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("resume", "app.py"), 2, "Error: expected a TYPE or an ADDRESS, as `statefun-actors pause` lists them."),
        (("pause", "app.py", "shop/none/x"), 2, "there is nothing of 'shop/none/x' in"),
        (
            ("pause", "app.py", f"{ADA}\udcff"),
            2,
            f"Error: Invalid value for '[APP] [TYPE | ADDRESS]...': expected UTF-8, got '{ADA}\\udcff'.",
        ),
        (("pause", "app.py", "x/"), 2, "a type is <namespace>/<name>, an address <namespace>/<name>/<id>"),
        (
            ("resume", "app.py", ADA),
            1,
            f"Error: {ADA} is not paused. `statefun-actors pause` without a target lists what is paused.",
        ),
        (
            ("resume", "app.py", ADA, "--dry-run"),
            1,
            f"Error: {ADA} is not paused. `statefun-actors pause` without a target lists what is paused.",
        ),
    ],
)
def test_mistakes_are_named(folder: Path, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    assert complaint in refusal(*arguments, folder=folder, code=code)
