"""``statefun-actors run``: lines in, records out, and its summary."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.cli.bank import BATCH, RECEIPTS, deposit
from tests.cli.commands import lines_of, run, states, summary, write_lines


def test_lines_in_state_and_records_out(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 5), deposit("bob", 7), deposit("ada", 1))

    reported = summary(*BATCH, *RECEIPTS, folder=folder)

    assert states(folder / ".statefun" / "app.db") == {
        "bank/account/ada": {"balance": 6},
        "bank/account/bob": {"balance": 7},
    }
    assert sorted((folder / "out" / "receipts.jsonl").read_text().splitlines()) == [
        '{"topic":"receipts","key":"ada","value":{"cents":1}}',
        '{"topic":"receipts","key":"ada","value":{"cents":5}}',
        '{"topic":"receipts","key":"bob","value":{"cents":7}}',
    ]
    del reported["seconds"], reported["lines_per_second"], reported["messages_per_second"]
    assert reported == {
        "app": "app",
        "store": ".statefun/app.db",
        "ended": "idle",
        "error": None,
        "lines": {"this_run": 3, "in_all": 3},
        "bad_lines_skipped": {"this_run": 0, "in_all": 0},
        "records": {},
        "bad_records": 0,
        "messages_handled": 3,
        "messages_waiting": 0,
        "messages_parked": {},
        "timers_fired": 0,
        "timers_pending": 2,
        "virtual_seconds": 0.0,
        "egress": {"bank/receipts": {"to": "out/receipts.jsonl", "this_run": 3, "in_all": 3}},
        "egress_kept": 0,
        "dead_letters": {"this_run": 0, "in_all": 0},
        "discarded": 0,
        "entities": {"bank/account": 2},
        "failing": [],
        "failing_egress": {},
        "paused": [],
    }


def test_the_summary_is_a_table(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 5), {"to": "bank/account/ada"}, deposit("bob", 5))

    done = run("run", *BATCH, "--skip-bad-lines", "bad.jsonl", folder=folder)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    title, *rows = [line.rstrip() for line in done.stdout.splitlines()]
    assert title.startswith("app: everything is done, after ")
    assert title.endswith(" s; state in .statefun/app.db")
    assert [" ".join(row.split()) for row in rows[:8]] == [
        "this run in all",
        "lines read 3 3",
        "bad lines skipped 1 1",
        "messages handled 2",
        "delayed messages fired 0",
        "delayed messages pending 2",
        "kept for egress bank/receipts 2",
        "entities bank/account 2",
    ]
    assert rows[-1] == "Kept records are written once their egress has a target: --egress NS/NAME=FILE.jsonl"


def test_the_summary_names_a_target_whose_egress_got_no_record(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 5))

    done = run("run", *BATCH, "--egress", "bank/receipt=out.jsonl", folder=folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == (
        "No record was sent to bank/receipt in this run. If bank/receipts is meant: --egress bank/receipts=out.jsonl"
    )


def test_the_summary_does_not_take_another_egress_without_records_for_a_misspelling(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 5))

    done = run("run", *BATCH, "--egress", "bank/alarms=out.jsonl", folder=folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == (
        "Kept records are written once their egress has a target: --egress NS/NAME=FILE.jsonl"
    )


def test_quiet_says_nothing(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 5))

    done = run("run", *BATCH, "--quiet", folder=folder)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_gzip_and_several_inputs_are_read_one_after_another(folder: Path) -> None:
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(deposit("ada", 1)).encode()))
    write_lines(folder / "b.jsonl", deposit("ada", 2))

    reported = summary(
        "app.py", "--until-idle", "--input", "a.jsonl.gz", "--input", "b.jsonl", *RECEIPTS, folder=folder
    )

    assert reported["lines"]["this_run"] == 2
    assert [line["value"]["cents"] for line in lines_of(folder / "out" / "receipts.jsonl")] == [1, 2]


def test_a_second_run_reads_what_has_been_added(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1))
    summary(*BATCH, *RECEIPTS, folder=folder)
    with (folder / "in.jsonl").open("a") as more:
        more.write(json.dumps(deposit("ada", 2)) + "\n")

    reported = summary(*BATCH, *RECEIPTS, folder=folder)

    assert reported["lines"] == {"this_run": 1, "in_all": 2}
    assert reported["egress"]["bank/receipts"] == {"to": "out/receipts.jsonl", "this_run": 1, "in_all": 2}
    assert states(folder / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 3}}


def test_in_memory_every_run_is_the_first(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1))

    runs = [summary(*BATCH, "--memory", folder=folder) for _ in range(2)]

    assert [reported["lines"] for reported in runs] == [{"this_run": 1, "in_all": 1}] * 2
    assert runs[0]["store"] is None
    assert not (folder / ".statefun").exists()
