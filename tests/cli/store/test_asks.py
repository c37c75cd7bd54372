"""``statefun-actors asks`` and ``schedules``: open asks and recurring messages, listed, answered, cancelled."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from statefun_actors import Entity, NoAnswer, activity, answers, handles
from statefun_actors.admin import time_text
from statefun_actors.engine import SystemClock
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from tests.cli.commands import summary, wait_until, write_lines
from tests.cli.store.asking_shop import APP, ORDER
from tests.cli.store.shop import STORE, engine, in_this_process, refusal, reported, table


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "app.py").write_text(APP)
    write_lines(
        folder / "in.jsonl",
        {"to": ORDER, "type": "io.statefun.types/string", "value": "new"},
        {"to": ORDER, "type": "io.statefun.types/long", "value": 5},
    )
    summary("app.py", "--input", "in.jsonl", "--until-idle", folder=folder)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    copied: Path = shutil.copytree(prepared, tmp_path / "shop")
    return copied


def token(folder: Path, then: str) -> str:
    [found] = [each["token"] for each in reported("asks", "app.py", folder=folder) if each["then"] == then]
    shown: str = found
    return shown


def seen(folder: Path) -> list[str]:
    found: list[str] = reported("state", "app.py", ORDER, folder=folder)[0]["fields"]["seen"]
    return found


def run_on(folder: Path) -> None:
    summary("app.py", "--until-idle", folder=folder)


def test_open_asks_show_asker_target_times_and_method(folder: Path) -> None:
    found = sorted(reported("asks", "app.py", folder=folder), key=lambda each: each["then"])
    head, *rows = table("asks", "app.py", folder=folder)

    assert [cell.strip() for cell in head if cell.strip()] == [
        "token",
        "from",
        "to",
        "type",
        "value",
        "then",
        "since",
        "until",
        "attempts",
        "next attempt",
        "error",
    ]
    assert len(rows) == 2
    checked, decided = found
    assert {**checked, "token": "", "since": "", "until": ""} == {
        "token": "", "from": ORDER, "to": "shop/stock/17", "type": "io.statefun.types/long", "value": 5,
        "then": "checked", "since": "", "until": "", "attempts": None, "next_attempt": None, "error": None,
    }  # fmt: skip
    assert (decided["to"], decided["type"], decided["value"]) == (None, None, None)
    assert [len(each["token"]) for each in found] == [8, 8]
    assert reported("asks", "list", "app.py", "--to", "shop/stock", "--limit", "1", folder=folder) == [checked]
    assert in_this_process("asks", "app.py", "--to", "x", folder=folder).stdout == "No asks are open of or for x.\n"


class Payment(Entity, typename="shop/payment"):
    @handles
    def pay(self, message: str) -> None:
        self.ask(charge, message, then=self.paid)

    @answers
    def paid(self, answer: str | NoAnswer) -> None: ...


@activity("shop/charge", backoff=3600)
async def charge(message: str) -> str:
    raise ConnectionError(f"the bank is away: {message}")


async def test_an_ask_of_an_activity_shows_its_attempts_and_the_last_error(tmp_path: Path) -> None:
    async with TestRuntime(
        Payment, charge, store=SqliteStore(tmp_path / "store.db"), start=datetime.now(UTC)
    ) as runtime:
        await runtime.tell(Payment.at("1"), "y" * 80)
        due = time_text(int((runtime.clock.now + timedelta(hours=1)).timestamp() * 1000))
    [found] = reported("asks", "--store", "store.db", folder=tmp_path)
    shown = in_this_process("asks", "--store", "store.db", folder=tmp_path).stdout.splitlines()

    error = f"ConnectionError: the bank is away: {'y' * 80}"
    assert (found["attempts"], found["next_attempt"], found["error"]) == (1, due, error)
    assert re.split(" {3,}", shown[1])[-3:] == ["1", due, error[:79] + "…"]


def test_recurring_messages_say_when_they_fire_next(folder: Path) -> None:
    found = {each["name"]: each for each in reported("schedules", "app.py", folder=folder)}
    head, *rows = table("schedules", "app.py", folder=folder)

    assert [cell.strip() for cell in head if cell.strip()] == [
        "next",
        "from",
        "name",
        "schedule",
        "tz",
        "to",
        "type",
        "value",
    ]
    assert len(rows) == 2
    assert {**found["remind"], "next": ""} == {
        "next": "", "from": ORDER, "name": "remind", "schedule": "0 9 * * mon-fri", "tz": "Europe/Paris", "to": ORDER,
        "type": "io.statefun.types/bool", "value": True,
    }  # fmt: skip
    assert (found["beat"]["schedule"], found["beat"]["to"]) == ("every 1h30m", "shop/other/x")
    assert in_this_process("schedules", "app.py", "--to", "x", folder=folder).stdout == (
        "No messages recur of or for x.\n"
    )


def test_the_functions_that_keep_them_are_in_no_other_list_and_tokens_are_short(folder: Path) -> None:
    [delayed] = reported("timers", "app.py", folder=folder)
    done = summary("app.py", "--until-idle", folder=folder)
    decided = token(folder, "decided")

    assert reported("state", "app.py", folder=folder) == [{"type": "shop/order", "entities": 1, "paused": None}]
    assert reported("state", "app.py", ORDER, folder=folder)[0]["fields"]["link"] == ["statefun-actors/reply", decided]
    assert (delayed["to"], delayed["from"]) == (f"statefun-actors/reply/{decided}", ORDER)
    assert done["entities"] == {"shop/order": 1}
    assert done["timers_pending"] == 1
    assert refusal("state", "app.py", "statefun-actors/reply", folder=folder, code=2) == (
        f"Error: there is nothing of 'statefun-actors/reply' in {STORE}; there are shop/order."
    )


def test_an_answer_given_while_nothing_runs_is_handled_by_the_next_run(folder: Path) -> None:
    decided, checked = token(folder, "decided"), token(folder, "checked")
    first = in_this_process("asks", "answer", "app.py", decided, "shop/approval", '{"by": "ada"}', folder=folder).stdout
    again = refusal("asks", "answer", "app.py", decided, "shop/approval", '{"by": "bob"}', folder=folder, code=1)
    typed_by_then = reported("asks", "answer", "app.py", checked[:4], "7", folder=folder)
    run_on(folder)

    assert first == f"Answered {decided} of {ORDER} with shop/approval. The next run handles it.\n"
    assert again == (
        f"Error: the reply address {decided}... takes no answer: it has been answered, its time is over, or it never "
        "was. `statefun-actors asks APP` lists the open ones."
    )
    assert typed_by_then == [
        {"answered": checked, "from": ORDER, "type": "io.statefun.types/long", "running": False},
    ]
    assert sorted(seen(folder)) == ["Approval(by='ada')", "pen 7"]
    assert reported("asks", "app.py", folder=folder) == []


def test_an_ask_past_its_timeout_is_not_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {each["then"] for each in reported("asks", "app.py", folder=folder)}
    monkeypatch.setattr("statefun_actors.engine.SystemClock", InTwoDays)
    after = {each["then"] for each in reported("asks", "app.py", folder=folder)}

    assert (before, after) == ({"checked", "decided"}, {"decided"})


class InTwoDays(SystemClock):
    def now_ms(self) -> int:
        return super().now_ms() + 2 * 24 * 3_600_000


def test_a_running_engine_takes_an_answer_at_once_and_only_one(folder: Path) -> None:
    decided, checked = token(folder, "decided"), token(folder, "checked")
    with engine(folder):
        answered = in_this_process("asks", "answer", "app.py", checked, "8", folder=folder).stdout
        wait_until(lambda: "pen 8" in seen(folder), "the answer is handled")
        again = refusal("asks", "answer", "app.py", checked, "9", folder=folder, code=1)
        cancelled = reported("asks", "cancel", "app.py", decided, folder=folder)
        wait_until(lambda: len(seen(folder)) == 2, "the cancellation is handled")
        open_ones = reported("asks", "app.py", folder=folder)

    assert answered == f"Answered {checked} of {ORDER} with io.statefun.types/long.\n"
    assert "takes no answer" in again
    assert cancelled == [{"cancelled": decided, "from": ORDER, "running": True}]
    assert seen(folder)[1] == "NoAnswer(target=None, reason='failed', error='cancelled')"
    assert open_ones == []


def test_an_ask_cancelled_while_nothing_runs_fails_with_the_next_run(folder: Path) -> None:
    checked = token(folder, "checked")
    shown = in_this_process("asks", "cancel", "--store", str(STORE), checked, folder=folder).stdout
    again = refusal("asks", "answer", "app.py", checked, "1", folder=folder, code=1)
    run_on(folder)

    assert shown == f"Cancelled {checked} of {ORDER}. The next run handles it.\n"
    assert "takes no answer" in again
    assert seen(folder) == ["pen NoAnswer(target=Address('shop/stock', '17'), reason='failed', error='cancelled')"]


def test_the_dead_letter_of_an_answer_shows_the_answer_and_is_mended_as_one(folder: Path) -> None:
    in_this_process("asks", "answer", "app.py", token(folder, "checked"), "13", folder=folder)
    run_on(folder)
    [letter] = reported("dead-letters", "list", "app.py", folder=folder)
    mended = in_this_process(
        "dead-letters", "retry", "app.py", str(letter["number"]), "--value", "14", folder=folder
    ).stdout
    run_on(folder)

    assert (letter["type"], letter["value"], letter["from"]) == ("io.statefun.types/long", 13, None)
    assert letter["error"] == "13 is not a number of pens"
    assert mended == f"Retried dead letter {letter['number']}. The next run handles the new messages.\n"
    assert seen(folder) == ["pen 14"]


def test_an_export_carries_them(folder: Path) -> None:
    asks, schedules = reported("asks", "app.py", folder=folder), reported("schedules", "app.py", folder=folder)
    in_this_process("export", "app.py", "--output", "all.jsonl", folder=folder)
    copied = in_this_process("import", "--store", "copy.db", "all.jsonl", folder=folder)

    assert copied.exit_code == 0, copied.stderr
    assert copied.stdout == "Imported all.jsonl into copy.db: 1 entities, 1 messages, 1 timers, 2 asks, 2 schedules.\n"
    assert reported("asks", "app.py", "--store", "copy.db", folder=folder) == asks
    assert reported("schedules", "app.py", "--store", "copy.db", folder=folder) == schedules


def test_each_fault_is_reported_in_a_line(folder: Path) -> None:
    decided = token(folder, "decided")

    def wrong(*words: str, code: int = 2) -> str:
        return refusal("asks", *words, folder=folder, code=code)

    assert wrong("answer", "app.py", decided, '{"by": "ada"}') == (
        "Error: Order.decided takes shop/approval and shop/refusal, so a message for it has to name its type: put TYPE "
        "before the JSON."
    )
    assert wrong("answer", "app.py", decided, "shop/approval", "{}") == (
        "Error: the JSON does not fit shop/approval: expected `str`, got nothing - at `$.by`."
    )
    assert wrong("answer", "app.py", decided, "shop/order", "{}") == (
        "Error: Order.decided takes shop/approval, shop/refusal, got shop/order. Send an "
        "answer of such a type, or add the type to the annotation of the method."
    )
    assert wrong("answer", "app.py", "", "1", code=1) == (
        "Error: expected the token of one open ask, got an empty one: statefun-actors asks lists the open asks"
    )
    assert wrong("answer", "app.py", "zzz", "1", code=1) == (
        "Error: the reply address zzz... takes no answer: it has been answered, its time is over, or it never was. "
        "`statefun-actors asks APP` lists the open ones."
    )
    assert wrong("answer", "app.py", decided) == ("Error: expected [APP] TOKEN [TYPE] JSON; got 2 arguments.")
    assert wrong("cancel", "app.py") == "Error: expected a TOKEN, as `statefun-actors asks` shows it."
