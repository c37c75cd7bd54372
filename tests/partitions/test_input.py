"""``run --partitions --input``: each partition reads the lines for its entities; the run ends when all is done."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from statefun_actors.admin import read_entities
from statefun_actors.store import count_partitions
from tests.cli.commands import process_of, run, summary
from tests.partitions.cells import ADDED, Cell
from tests.partitions.running import APP, DEADLINE, Running, wait_for
from tests.partitions.systems import id_in
from tests.partitions.test_kills import counts_in

HERE, THERE = id_in(0, "test/cell"), id_in(1, "test/cell")
LONG = 2 * DEADLINE
"""Seconds for a run that starts processes, each of which imports everything."""
BATCH = ("app.py", "--partitions", "2", "--input", "in.jsonl", "--until-idle", "--store", "bank.db")


def line(id: str, number: int, to: str | None = None) -> dict[str, object]:
    return {"to": f"test/cell/{id}", "type": "test/add", "value": {"number": number, "to": to}}


def write_lines(file: Path, *lines: object) -> None:
    file.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def cells(folder: Path) -> dict[str, Cell]:
    return dict(read_entities(folder / "bank.db", Cell))


def test_a_run_ends_when_all_lines_and_all_that_crosses_are_handled(folder: Path) -> None:
    ids = [str(number) for number in range(20)]
    lines = [line(id, number, ids[-1 - int(id)]) for number in range(20) for id in ids]
    write_lines(folder / "in.jsonl", *lines, "", "  ")
    reported = summary(*BATCH, folder=folder, deadline=LONG)
    found = cells(folder)
    assert {id: found[id].numbers for id in ids} == {id: list(range(20)) for id in ids}
    assert {id: found[id].passed for id in ids} == {id: [(ids[-1 - int(id)], n) for n in range(20)] for id in ids}
    told = ("ended", "error", "lines", "messages_handled", "messages_waiting", "egress_kept", "entities")
    assert {name: reported[name] for name in told} == {
        "ended": "idle",
        "error": None,
        "lines": {"this_run": 402, "in_all": 402},
        "messages_handled": 800,
        "messages_waiting": 0,
        "egress_kept": 400,
        "entities": {"test/cell": 20},
    }
    assert sum(each["messages_handled"] for each in reported["partitions"]) == 800
    assert count_partitions(folder / "bank.db") == 2

    write_lines(folder / "in.jsonl", *lines, "", "  ", line(HERE, 20), line(THERE, 20))
    reported = summary(*BATCH, "--egress", f"{ADDED}=added.jsonl", folder=folder, deadline=LONG)
    assert reported["lines"] == {"this_run": 2, "in_all": 404}
    assert reported["egress"] == {ADDED: {"to": "added.jsonl", "this_run": 402, "in_all": 402}}
    expected = {id: list(range(1, 22 if id in {HERE, THERE} else 21)) for id in ids}
    assert counts_in(folder / "added.jsonl") == expected


def test_a_stop_while_the_partitions_start_is_no_success(folder: Path) -> None:
    """Whoever waits for the run must not take its input as handled."""
    stuck = (
        "import multiprocessing, os, pathlib, threading\n"
        "if multiprocessing.parent_process() is not None:\n"
        "    pathlib.Path(f'starting-{os.getpid()}').touch()\n"
        "    threading.Event().wait()\n"
    )
    (folder / "app.py").write_text(f"{APP}\n\n{stuck}")
    write_lines(folder / "in.jsonl", line(HERE, 1))
    with process_of("run", *BATCH, folder=folder) as process:
        try:
            wait_for(lambda: process.poll() is not None or len(list(folder.glob("starting-*"))) == 2)
            process.terminate()
            assert process.wait(LONG) == 128 + signal.SIGTERM
        finally:
            process.kill()


def test_a_bad_line_ends_the_run_after_the_lines_before_it_and_can_be_corrected(folder: Path) -> None:
    bad = line(HERE, 2) | {"value": {"number": "two"}}
    write_lines(folder / "in.jsonl", line(HERE, 1), line(THERE, 1), bad, line(HERE, 3), line(THERE, 3))
    done = run("run", *BATCH, folder=folder, deadline=LONG)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: in.jsonl, line 3: expected `int`, got `str` - at `$.value.number`. Correct it and run again: the lines "
        "before it have been handled and are not read twice. Or collect such lines: --skip-bad-lines FILE\n"
    )
    assert {id: cell.numbers for id, cell in cells(folder).items()} == {HERE: [1], THERE: [1, 3]}

    write_lines(folder / "in.jsonl", line(HERE, 1), line(THERE, 1), line(HERE, 2), line(HERE, 3), line(THERE, 3))
    assert summary(*BATCH, folder=folder, deadline=LONG)["lines"] == {"this_run": 2, "in_all": 5}
    assert {id: cell.numbers for id, cell in cells(folder).items()} == {HERE: [1, 2, 3], THERE: [1, 3]}


def test_a_bad_line_ends_a_run_without_an_end_and_no_partition_reads_on_after_one_that_may_be_its_own(
    folder: Path,
) -> None:
    lines = [line(HERE, 1), line(THERE, 1), line(HERE, 2) | {"to": f"test/sell/{HERE}"}, line(HERE, 3), line(THERE, 3)]
    write_lines(folder / "in.jsonl", *lines)
    reported = summary(*(option for option in BATCH if option != "--until-idle"), folder=folder, code=1, deadline=LONG)
    assert reported["ended"] == "error"
    assert reported["error"].startswith("in.jsonl, line 3: expected a function type that is served (test/cell)")
    assert {id: cell.numbers for id, cell in cells(folder).items()} == {HERE: [1], THERE: [1]}


def test_one_file_has_the_bad_lines_each_once(folder: Path) -> None:
    bad = ["{", "[]", f'{{"to": "test/cell/{HERE}"}}', f'{{"to": "test/cell/{THERE}"}}', '{"to": "x", "value": 1}']
    write_lines(folder / "in.jsonl", line(HERE, 1), *bad, line(THERE, 1))
    for count in (5, 0):
        reported = summary(*BATCH, "--skip-bad-lines", "bad.jsonl", folder=folder, deadline=LONG)
        assert reported["bad_lines_skipped"] == {"this_run": count, "in_all": 5}
        kept = [json.loads(each) for each in (folder / "bad.jsonl").read_text().splitlines()]
        assert sorted((each["line"], each["text"]) for each in kept) == list(enumerate(bad, 2))
    assert {id: cell.numbers for id, cell in cells(folder).items()} == {HERE: [1], THERE: [1]}


def test_an_input_that_is_not_read_to_its_end_is_continued(folder: Path) -> None:
    write_lines(folder / "in.jsonl", *(line(id, number) for number in range(3_000) for id in (HERE, THERE)))
    process_options = ("--input", "in.jsonl", "--until-idle")
    with Running(folder, 2, *process_options) as running:
        wait_for(lambda: running.add("other", 1).status == 200)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(LONG) in {0, 128 + signal.SIGTERM}
    assert summary(*BATCH, folder=folder, deadline=LONG)["lines"]["in_all"] == 6_000
    found = cells(folder)
    assert found[HERE].numbers == found[THERE].numbers == list(range(3_000))


def test_killed_partitions_read_each_line_once_and_in_order(folder: Path) -> None:
    """Their messages cross, and the run ends by itself when all is done."""
    count, sent = 12, 250
    ids = [f"cell-{number}" for number in range(count)]
    lines = [line(id, number, ids[(ids.index(id) + number) % count]) for number in range(sent) for id in ids]
    write_lines(folder / "in.jsonl", *lines)
    options = ("--input", "in.jsonl", "--until-idle", "--json", "--egress", f"{ADDED}=added.jsonl")
    with Running(folder, 2, *options) as running:
        for number in (0, 1, 0):
            wait_for(lambda: len(running.children()) == 2 or running.process.poll() is not None)
            if running.process.poll() is None:
                running.kill(running.children()[number])
        assert running.process.wait(LONG) == 0, running.logged()
        reported: dict[str, Any] = json.loads(running.logged().splitlines()[-1])
    assert (reported["ended"], reported["messages_waiting"]) == ("idle", 0)
    assert reported["lines"] == {"this_run": len(lines), "in_all": len(lines)}
    found = cells(folder)
    assert {id: found[id].numbers for id in ids} == {id: list(range(sent)) for id in ids}
    assert counts_in(folder / "added.jsonl") == {id: list(range(1, sent + 1)) for id in ids}
    passed: dict[tuple[str, str], list[int]] = defaultdict(list)
    for id in ids:
        for sender, number in found[id].passed:
            passed[sender, id].append(number)
    expected: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number in range(sent):
        for index, id in enumerate(ids):
            expected[id, ids[(index + number) % count]].append(number)
    assert passed == expected


def test_a_run_whose_last_messages_keep_failing_says_so_and_goes_on(folder: Path) -> None:
    app = APP.replace(
        "self.numbers.append(order.number)", "if order.number < 0:\n            raise ValueError(order.number)"
    )
    write_lines(folder / "in.jsonl", line(HERE, 1), line(THERE, -1))
    with Running(folder, 2, "--input", "in.jsonl", "--until-idle", app=app) as running:
        expected = (
            f"Everything else is done; 1 message keeps failing, first that of test/cell/{THERE}: ValueError: -1. "
            "Ctrl-C stops; --dead-letters NS/NAME gives up on such messages.\n"
        )
        wait_for(lambda: expected in running.logged())
        assert running.stop() == 128 + signal.SIGTERM
