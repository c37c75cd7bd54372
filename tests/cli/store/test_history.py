"""``statefun-actors history``, with and without an engine, through a kill, and with ``run --history``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.history import Recorder
from statefun_actors.history.entries import key_of
from statefun_actors.store import Commit, HistoryRow
from statefun_actors.store.sqlite import SqliteStore
from tests.cli.commands import summary, wait_until, write_lines
from tests.cli.store.shop import APP, STORE, WISHES, engine, in_this_process, refusal, reported, shop, table, wish
from tests.engine.recorded import commit, record_with_gap, steps

ADA = "shop/basket/ada"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shop(tmp_path, *WISHES)


def test_a_message_is_shown_with_what_it_changed_and_sent(folder: Path) -> None:
    [item] = reported("history", "app.py", ADA, folder=folder)

    assert item.pop("time").endswith("Z")
    assert item.pop("seconds") > 0
    numbers = [sent.pop("number") for sent in item["sent"]]
    assert all(isinstance(number, int) for number in numbers)
    value = item["sent"][0].pop("value")
    assert value["topic"] == "wishes"
    assert item["sent"][0].pop("type").endswith("KafkaProducerRecord")
    assert item == {
        "kind": "message",
        "number": 1,
        "type": "shop/wish",
        "value": {"text": "tea", "price": 5},
        "from": None,
        "outcome": "handled",
        "attempts": 1,
        "error": None,
        "together": 1,
        "changed": {
            "spent": {"before": None, "after": 5},
            "wishes": {"before": None, "after": ["tea"]},
            "best": {"before": None, "after": {"text": "tea", "price": 5}},
        },
        "sent": [
            {"kind": "egress record", "to": "shop/wishes", "after_seconds": None},
            {
                "kind": "delayed message",
                "to": ADA,
                "type": "io.statefun.types/long",
                "value": 1,
                "after_seconds": 2_592_000.0,
            },
        ],
    }


def test_people_get_a_table(folder: Path) -> None:
    [head, row] = table("history", "app.py", ADA, folder=folder)

    assert [cell.strip() for cell in head if cell.strip()] == [
        *("time", "what", "from", "message", "changed", "sent", "took", "error")
    ]
    text = "   ".join(row)
    assert "spent: null → 5, " in text
    assert "delayed message io.statefun.types/long to shop/basket/ada after 2,592,000 s" in text


def test_dead_letters_are_in_it_with_their_error(folder: Path) -> None:
    items = reported("history", "app.py", "shop/basket/bob", folder=folder)

    assert [(item["outcome"], item["attempts"], item["error"]) for item in items] == [
        ("dead letter", 1, "TerminalError: nobody pays for that"),
        ("dead letter", 1, "TerminalError: nobody pays for that"),
    ]


def test_it_goes_on_through_kills_and_has_each_message_once(folder: Path) -> None:
    def recorded() -> list[object]:
        return [item["value"] for item in reported("history", "app.py", ADA, folder=folder)]

    expected: list[object] = [{"text": "tea", "price": 5}]
    for number in range(3):
        expected.insert(0, number)
        with engine(folder) as process:
            sent = in_this_process("send", "app.py", ADA, "io.statefun.types/long", f"{number}", folder=folder)
            assert sent.exit_code == 0, sent.stderr
            wait_until(lambda: recorded() == expected, "it is recorded")
            process.kill()
            process.wait()

    assert recorded() == expected


def test_changes_by_an_operator_are_in_it_with_and_without_an_engine(folder: Path) -> None:
    handler = "    def add(self, message: int) -> None:\n"
    failing = f"{handler}        if message < 0:\n            raise ValueError(message)\n"
    (folder / "app.py").write_text(APP.replace(handler, failing))

    def change(*drop: str, running: bool = False) -> None:
        sent = in_this_process("send", "app.py", ADA, "io.statefun.types/long", "--", "-1", folder=folder)
        assert sent.exit_code == 0, sent.stderr
        if running:
            wait_until(lambda: reported("failing", "app.py", folder=folder) != [], "it fails")
        for command in (
            ("failing", "drop", "app.py", ADA, *drop),
            ("state", "set", "app.py", ADA, "spent", "9", "--yes"),
            ("pause", "app.py", ADA),
            ("resume", "app.py", ADA),
        ):
            done = in_this_process(*command, folder=folder)
            assert done.exit_code == 0, done.stderr

    change()
    change("--discard", "--yes")
    at_rest = reported("history", "app.py", ADA, folder=folder)
    with engine(folder):
        change(running=True)
        change("--discard", "--yes", running=True)
    items = reported("history", "app.py", ADA, folder=folder)

    changes = ["resumed", "paused", "field set", "message"]
    assert [item["kind"] for item in items] == [*changes * 4, "message"]
    assert [item["kind"] for item in at_rest] == [*changes * 2, "message"]
    assert at_rest[6]["changed"] == {"spent": {"before": 5, "after": 9}}
    outcomes = [(item["outcome"], item["value"]) for item in items if item["kind"] == "message"]
    assert (
        outcomes[:4]
        == [
            ("discarded, removed by an operator", -1),
            ("dead letter, removed by an operator", -1),
        ]
        * 2
    )
    assert (at_rest[3]["attempts"], at_rest[3]["error"]) == (0, None)


def test_a_pause_of_its_type_is_in_it_with_and_without_an_engine(folder: Path) -> None:
    def change() -> None:
        for command in (("pause", "app.py", "shop/basket", "--yes"), ("resume", "app.py", "shop/basket")):
            done = in_this_process(*command, folder=folder)
            assert done.exit_code == 0, done.stderr

    change()
    with engine(folder):
        change()

    changes = ["type resumed", "type paused"]
    assert [item["kind"] for item in reported("history", "app.py", ADA, folder=folder)] == [*changes * 2, "message"]
    text = in_this_process("history", "app.py", ADA, folder=folder).stdout
    assert text.count("type paused by an operator") == text.count("type resumed by an operator") == 2
    assert reported("history", "app.py", "shop/page/ada", folder=folder) == []


def test_a_discarded_dead_letter_is_in_it_with_and_without_an_engine(folder: Path) -> None:
    for price in (-1, -2):
        wished = json.dumps({"text": "a", "price": price})
        sent = in_this_process("send", "app.py", ADA, "shop/wish", wished, folder=folder)
        assert sent.exit_code == 0, sent.stderr
    summary("app.py", "--until-idle", folder=folder)
    letters = reported("dead-letters", "list", "app.py", folder=folder)
    first, second = (str(letter["number"]) for letter in letters[-2:])
    assert in_this_process("dead-letters", "discard", "app.py", first, folder=folder).exit_code == 0
    with engine(folder):
        assert in_this_process("dead-letters", "discard", "app.py", second, folder=folder).exit_code == 0

    items = reported("history", "app.py", ADA, folder=folder)[:4]
    assert [(item["kind"], item["outcome"], item["value"]["price"], item["error"]) for item in items] == [
        ("dead letter discarded", "discarded", -2, "TerminalError: nobody pays for that"),
        ("dead letter discarded", "discarded", -1, "TerminalError: nobody pays for that"),
        ("message", "dead letter", -2, "TerminalError: nobody pays for that"),
        ("message", "dead letter", -1, "TerminalError: nobody pays for that"),
    ]
    text = in_this_process("history", "app.py", ADA, folder=folder).stdout
    assert text.count("dead letter discarded by an operator") == 2


def test_history_sets_the_number_that_is_kept_and_0_records_nothing(folder: Path) -> None:
    write_lines(folder / "more.jsonl", *(wish("ada", f"{n}", 1) for n in range(20)))
    summary("app.py", "--input", "more.jsonl", "--until-idle", "--history", "3", folder=folder)
    write_lines(folder / "unseen.jsonl", wish("ada", "unseen", 1))
    summary("app.py", "--input", "unseen.jsonl", "--until-idle", "--history", "0", folder=folder)

    items = reported("history", "app.py", ADA, folder=folder)
    assert [item["value"]["text"] for item in items] == ["19", "18", "17"]
    assert len(reported("history", "app.py", ADA, "--limit", "1", folder=folder)) == 1


def test_where_nothing_is_recorded_it_says_why(tmp_path: Path) -> None:
    shop(tmp_path)
    summary("app.py", "--until-idle", "--store", "none.db", "--history", "0", folder=tmp_path)

    nothing = in_this_process("history", "app.py", ADA, folder=tmp_path)
    off = in_this_process("history", "app.py", ADA, "--store", "none.db", folder=tmp_path)
    assert nothing.stdout == f"No history of {ADA} is recorded.\n"
    assert (
        off.stdout
        == "No history is recorded. To record one, start the run with --history 100, or the runtime with history=100.\n"
    )


def test_a_gap_is_a_row(folder: Path) -> None:
    store = SqliteStore(folder / STORE)
    asyncio.run(record_with_gap(store, Address("shop/basket", "gap"), older=1, newer=1, keep=100))
    store.close()

    text = in_this_process("history", "app.py", "shop/basket/gap", folder=folder).stdout
    gap = (
        "1,234 messages, of any entities, were not recorded until 1970-01-01T00:00:02.000Z: the engine was at its "
        "limit, or they were too large"
    )
    assert text.count(gap) == 1
    assert reported("history", "app.py", "shop/basket/gap", folder=folder)[1] == {
        "time": "1970-01-01T00:00:02.000Z",
        "kind": "not recorded",
        "messages": 1_234,
        "until": "1970-01-01T00:00:02.000Z",
    }


def test_of_a_damaged_history_newer_rows_are_shown(folder: Path) -> None:
    store, address = SqliteStore(folder / STORE), Address("shop/basket", "new")
    asyncio.run(store.commit(Commit(history=[HistoryRow(10, key_of(*address), b"\xc1")])))
    damaged = (
        "Error: row 10 of the history can't be unpacked: MessagePack data is malformed: invalid opcode '\\xc1' "
        "(byte 0). State and messages are not affected. Restore a backup to see the entries up to this row."
    )
    store.close()
    assert refusal("history", "app.py", f"{address}", folder=folder, code=1) == damaged

    store = SqliteStore(folder / STORE)
    asyncio.run(commit(store, Recorder(store, 100, lambda: 1), steps(2, entity=address)))
    store.close()
    for options in ((), ("--json",)):
        done = in_this_process("history", "app.py", f"{address}", *options, folder=folder)
        assert (done.exit_code, done.stderr.strip()) == (1, f"{damaged} Newer entries are shown.")
        assert done.stdout.count("io.statefun.types/long to" if not options else '"handled"') == 2


def test_an_address_is_expected(folder: Path) -> None:
    assert refusal("history", "app.py", folder=folder, code=2) == "Error: expected an ADDRESS: <namespace>/<name>/<id>."
    assert refusal("history", "app.py", "shop/basket", folder=folder, code=2) == (
        "Error: expected the address of an entity, such as shop/basket/ID; got the type shop/basket."
    )
