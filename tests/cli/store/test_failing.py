"""``statefun-actors failing``: messages that keep failing are listed, retried and dropped."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.commands import wait_until
from tests.cli.store.shop import STORE, engine, in_this_process, refusal, reported, shop

ADA = "shop/basket/ada"
APP = """
from statefun_actors import Entity, handles, persisted


class Basket(Entity, typename="shop/basket"):
    spent: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        if message < 0:
            raise ValueError(f"{message} is negative")
        self.spent += message
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def send(folder: Path, *numbers: int) -> None:
    for number in numbers:
        assert in_this_process("send", "app.py", ADA, "--", str(number), folder=folder).exit_code == 0


def spent(folder: Path) -> int:
    found = reported("state", "app.py", "shop/basket", folder=folder)
    return sum(int(each["fields"]["spent"]) for each in found)


def test_failing_messages_are_listed_retried_and_dropped_on_a_running_engine(folder: Path) -> None:
    with engine(folder):
        nothing = in_this_process("failing", "app.py", folder=folder).stdout
        send(folder, -1, 5, 6)
        wait_until(lambda: reported("failing", "app.py", folder=folder) != [], "the message has failed")
        retried = in_this_process("failing", "retry", "app.py", ADA, folder=folder)
        [shown] = reported("failing", "app.py", folder=folder)
        table = in_this_process("failing", "app.py", folder=folder).stdout.splitlines()
        letters = in_this_process("dead-letters", "list", "app.py", folder=folder)
        dry = in_this_process("failing", "drop", "app.py", ADA, "--dry-run", folder=folder)
        dropped = reported("failing", "drop", "app.py", ADA, folder=folder)
        wait_until(lambda: spent(folder) == 11, "what waited behind is handled")
        after = reported("failing", "app.py", folder=folder)

    assert nothing == "No message is failing.\n"
    assert retried.stdout in {f"Retried the first message of {ADA}.\n", ""}
    assert shown["attempts"] >= 1
    assert datetime.fromisoformat(shown["since"]) <= datetime.now(UTC)
    assert {**shown, "attempts": 0, "next_attempt": None, "since": None} == {
        "address": ADA, "from": None, "type": "io.statefun.types/long", "value": -1, "since": None, "attempts": 0,
        "next_attempt": None, "behind": 2, "error_type": "ValueError", "error": "-1 is negative",
        "paused": False,
    }  # fmt: skip
    assert table[0].split() == [
        "address", "type", "value", "since", "attempts", "next", "attempt", "waiting", "behind", "error",
    ]  # fmt: skip
    assert letters.stdout == "There are no dead letters.\n"
    assert letters.stderr == f"The first message of {ADA} keeps failing: `statefun-actors failing` shows why.\n"
    assert dry.stdout == f"Would drop the first message of {ADA}, into the dead letters. Nothing was changed.\n"
    assert dropped == [{"dropped": [ADA], "running": True}]
    assert after == []
    assert [letter["error"] for letter in reported("dead-letters", "list", "app.py", folder=folder)] == [
        "-1 is negative"
    ]


def test_messages_of_paused_entities_are_not_among_all_that_are_retried(folder: Path) -> None:
    with engine(folder):
        send(folder, -1)
        wait_until(lambda: reported("failing", "app.py", folder=folder) != [], "the message has failed")
        reported("pause", "app.py", ADA, folder=folder)
        wait_until(lambda: reported("failing", "app.py", folder=folder)[0]["paused"], "its attempt has ended")
        every = reported("failing", "retry", "app.py", "--all", folder=folder)
        one = refusal("failing", "retry", "app.py", ADA, folder=folder, code=1)

    assert every == [{"retried": [], "running": True}]
    assert one == (
        f"Error: {ADA}: its messages are paused; resume it first. `statefun-actors failing` lists the messages that "
        "are failing."
    )


def test_without_an_engine_it_says_what_the_store_holds_and_drops_the_first_message(folder: Path) -> None:
    send(folder, -1, 5)
    shown = in_this_process("failing", "app.py", folder=folder).stdout
    dropped = in_this_process("failing", "drop", "app.py", ADA, folder=folder).stdout

    assert shown == (
        f"No engine runs on {STORE}; 2 messages wait in it. Which messages fail is known only while an engine runs.\n"
        f"{'address':18}{'first type':25}waiting\n"
        f"{ADA}   io.statefun.types/long   2\n"
    )
    assert dropped == f"Dropped the first message of {ADA}.\n"
    [letter] = reported("dead-letters", "list", "app.py", folder=folder)
    assert (letter["value"], letter["error"]) == (-1, "dropped by `statefun-actors failing drop`")
    with engine(folder):
        wait_until(lambda: spent(folder) == 5, "the other message is handled")


def test_discarding_asks_first(folder: Path) -> None:
    send(folder, -1)
    asked = in_this_process("failing", "drop", "app.py", ADA, "--discard", folder=folder)
    done = in_this_process("failing", "drop", "app.py", ADA, "--discard", "--yes", folder=folder)

    assert asked.exit_code == 1
    assert f"Discard the first message of {ADA} of {STORE}? [y/N]:" in asked.stderr
    assert done.stdout == f"Discarded the first message of {ADA}.\n"
    assert reported("dead-letters", "list", "app.py", folder=folder) == []


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_a_message_that_does_not_fail_is_refused(folder: Path, command: str) -> None:
    known = "`statefun-actors failing` lists the messages that are failing."
    without = refusal("failing", command, "app.py", "shop/basket/bob", folder=folder, code=1)
    with engine(folder):
        with_one = refusal("failing", command, "app.py", "shop/basket/bob", folder=folder, code=1)

    assert without == f"Error: shop/basket/bob: it has no message. {known}"
    assert with_one == f"Error: shop/basket/bob: none of its messages is failing. {known}"
    assert refusal("failing", command, "app.py", folder=folder, code=2) == (
        "Error: expected an ADDRESS, as `statefun-actors failing` shows it."
    )
