"""``statefun-actors timers`` and ``egress``: delayed messages and stored records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.cli.store.shop import STORE, WISHES, engine, refusal, reported, shop, table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    later = {"to": "shop/page/home", "value": 7, "after": "P1D"}
    return shop(tmp_path_factory.mktemp("shop"), *WISHES, later)


def test_timers_come_by_due_time_with_all_that_is_known_of_them(folder: Path) -> None:
    head, first, *_ = table("timers", "app.py", folder=folder)
    found = reported("timers", "app.py", folder=folder)

    assert [cell.strip() for cell in head if cell.strip()] == ["number", "due", "to", "type", "value", "from", "token"]
    assert [cell.strip() for cell in first if cell.strip()] == [
        str(found[0]["seq"]), found[0]["due"], "shop/page/home", "io.statefun.types/long", "7",
    ]  # fmt: skip
    assert [each["to"] for each in found] == ["shop/page/home", "shop/basket/ada", "shop/basket/adam"]
    assert found[1] == {
        "seq": found[1]["seq"],
        "due": found[1]["due"],
        "to": "shop/basket/ada",
        "from": "shop/basket/ada",
        "token": "remind",
        "type": "io.statefun.types/long",
        "value": 1,
    }


def test_timers_are_picked_by_what_they_are_for(folder: Path) -> None:
    picked = reported("timers", "app.py", "--to", "shop/basket", "--limit", "1", folder=folder)

    assert [each["to"] for each in picked] == ["shop/basket/ada"]
    assert run("timers", "app.py", "--to", "x", folder=folder).stdout == "No delayed messages are pending for x.\n"


def test_without_an_engine_a_timer_is_fired_by_the_next_run_and_a_cancelled_one_never(tmp_path: Path) -> None:
    later = [{"to": "shop/page/home", "value": value, "after": "P1D"} for value in (1, 10, 100)]
    folder = shop(tmp_path, *later)
    one, ten, hundred = (str(each["seq"]) for each in reported("timers", "app.py", folder=folder))
    dry = run("timers", "fire", "app.py", one, "--dry-run", folder=folder)
    told_dry = reported("timers", "cancel", "app.py", one, ten, "--dry-run", folder=folder)
    cancelled = reported("timers", "cancel", "app.py", one, folder=folder)
    fired = run("timers", "fire", "app.py", ten, folder=folder)
    run("run", "app.py", "--until-idle", folder=folder)

    assert dry.stdout == f"Would fire delayed message {one}. Nothing was changed.\n"
    assert told_dry == [{"would cancel": [int(one), int(ten)]}]
    assert cancelled == [{"cancelled": [int(one)], "running": False}]
    assert fired.stdout == f"Fired delayed message {ten}. The next run delivers what is due.\n"
    assert [str(each["seq"]) for each in reported("timers", "app.py", folder=folder)] == [hundred]
    assert reported("state", "app.py", "shop/page/home", folder=folder)[0]["fields"] == {"visits": 10}


def test_the_engine_that_runs_fires_a_timer_at_once(tmp_path: Path) -> None:
    folder = shop(tmp_path, {"to": "shop/page/home", "value": 7, "after": "P1D"})
    (timer,) = reported("timers", "app.py", folder=folder)
    with engine(folder):
        fired = reported("timers", "fire", "app.py", str(timer["seq"]), folder=folder)

        assert fired == [{"fired": [timer["seq"]], "running": True}]
        assert reported("timers", "app.py", folder=folder) == []
        assert reported("state", "app.py", "shop/page/home", folder=folder)[0]["fields"] == {"visits": 7}


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["fire", "app.py"], 2, "expected a NUMBER, as `statefun-actors timers` shows it."),
        (["cancel", "app.py", "x"], 2, "expected a NUMBER, as `statefun-actors timers` shows it, got 'x'."),
        (["cancel", "app.py", "999"], 1, "there is no delayed message 999: it has been delivered or cancelled"),
    ],
)
def test_a_timer_that_is_not_there_is_refused(folder: Path, words: list[str], code: int, problem: str) -> None:
    refused = run("timers", *words, folder=folder)

    assert refused.returncode == code
    assert problem in " ".join(refused.stderr.split())


def test_records_are_kept_in_order(folder: Path) -> None:
    found = reported("egress", "app.py", folder=folder)

    assert [each["egress"] for each in found] == ["shop/wishes"] * 2
    assert found[0]["record"] == {"topic": "wishes", "key": "ada", "value": '{"price":5,"text":"tea"}'}
    assert found[0]["type"] == "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"
    assert table("egress", "app.py", folder=folder)[1][-1] == (
        r'{"topic":"wishes","key":"ada","value":"{\"price\":5,\"text\":\"tea\"}"}'
    )


def test_records_are_picked_by_name(folder: Path) -> None:
    assert len(reported("egress", "app.py", "--name", "shop/wishes", "--limit", "1", folder=folder)) == 1
    assert run("egress", "app.py", "--name", "a/b", folder=folder).stdout == "No records are kept for a/b.\n"


def test_neither_needs_the_application(folder: Path) -> None:
    assert len(reported("timers", "--store", str(STORE), folder=folder)) == 3
    assert len(reported("egress", "--store", str(STORE), folder=folder)) == 2


def test_both_read_a_store_during_a_run(folder: Path) -> None:
    with engine(folder):
        assert len(reported("timers", "app.py", folder=folder)) == 3
        assert len(reported("egress", "app.py", folder=folder)) == 2


@pytest.mark.parametrize("command", ["timers list", "egress"])
def test_a_wrong_argument_is_an_error_in_one_line(folder: Path, command: str) -> None:
    assert refusal(*command.split(), folder=folder, code=2) == (
        "Error: expected APP, whose store it is, or --store FILE."
    )
    assert refusal(*command.split(), "app.py", "more", folder=folder, code=2) == "Error: unexpected argument: 'more'."
    assert refusal(*command.split(), "--store", "no.db", folder=folder, code=1) == (
        "Error: store no.db: the file does not exist. `statefun-actors run` creates it."
    )
