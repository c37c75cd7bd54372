"""``statefun-actors run``: inputs that moved or changed, and lines that are no message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.bank import BATCH, deposit
from tests.cli.commands import lines_of, run, states, summary, write_lines


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_a_project_that_was_moved_or_copied_reads_no_line_twice(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, how: Callable[[Path, Path], object]
) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 5))
    summary(*BATCH, folder=folder)
    other = tmp_path_factory.mktemp("elsewhere") / "project"
    how(folder, other)
    with (other / "in.jsonl").open("a") as file:
        file.write(json.dumps(deposit("ada", 2)) + "\n")

    reported = summary(
        "project/app.py",
        "--input",
        str(other / "in.jsonl"),
        "--until-idle",
        "--store",
        "project/.statefun/app.db",
        folder=other.parent,
    )

    assert reported["lines"] == {"this_run": 1, "in_all": 2}
    assert states(other / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 7}}


def test_a_bad_line_stops_after_what_stands_before_it(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1), {"to": "bank/acount/ada", "value": 1}, deposit("ada", 4))

    stopped = run("run", *BATCH, folder=folder)

    assert stopped.returncode == 1
    assert stopped.stdout.startswith("app: stopped by an error, after ")
    assert stopped.stderr == (
        "Error: in.jsonl, line 2: expected a function type that is served (bank/account, bank/gate, bank/loop), "
        'got "bank/acount" - at `$.to`. Correct it and run again: the lines before it have been handled and are not '
        "read twice. Or collect such lines: --skip-bad-lines FILE\n"
    )
    assert states(folder / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 1}}

    write_lines(folder / "in.jsonl", deposit("ada", 1), deposit("ada", 2), deposit("ada", 4))
    reported = summary(*BATCH, folder=folder)

    assert reported["lines"] == {"this_run": 2, "in_all": 3}
    assert states(folder / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 7}}


def test_a_bad_line_ends_a_run_that_would_go_on_forever_too_and_no_other_input_is_begun(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1), {})
    write_lines(folder / "more.jsonl", deposit("ada", 2))

    reported = summary("app.py", "--input", "in.jsonl", "--input", "more.jsonl", folder=folder, code=1)

    assert reported["ended"] == "error"
    assert reported["error"].startswith("in.jsonl, line 2: ")
    assert states(folder / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 1}}


def test_bad_lines_are_collected(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1), {"to": "x", "value": 1}, deposit("ada", 2))

    reported = summary(*BATCH, "--skip-bad-lines", "bad.jsonl", folder=folder)
    again = summary(*BATCH, "--skip-bad-lines", "bad.jsonl", folder=folder)

    assert lines_of(folder / "bad.jsonl") == [
        {
            "file": "in.jsonl",
            "line": 2,
            "reason": 'expected "<namespace>/<name>/<id>", got "x" - at `$.to`',
            "text": '{"to": "x", "value": 1}',
        }
    ]
    assert reported["bad_lines_skipped"] == {"this_run": 1, "in_all": 1}
    assert again["bad_lines_skipped"] == {"this_run": 0, "in_all": 1}
    assert reported["egress_kept"] == 1 + 1  # receipts, which have no file here


def test_a_file_that_has_changed_is_refused(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1))
    summary(*BATCH, folder=folder)
    write_lines(folder / "in.jsonl", deposit("ada", 2))

    done = run("run", *BATCH, folder=folder)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Error: in.jsonl has changed since it was read up to line 1: what stands there is something else. Lines may "
        "be added at its end; restore what stood before, or give new content another name to have it read from the "
        "start.\n"
    )
