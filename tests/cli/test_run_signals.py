"""``statefun-actors run``: signals, a terminal, and a store in use."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bank import BATCH, RECEIPTS, deposit
from tests.cli.commands import COMMAND, DEADLINE, on_a_terminal, run, started, states, summary, wait_until, write_lines
from tests.store.on_disk import OVERWRITTEN

# --- stopping


def test_ctrl_c_finishes_what_is_under_way_and_the_next_run_goes_on(folder: Path) -> None:
    write_lines(folder / "in.jsonl", *[{"to": "bank/gate/a", "value": 1}] * 5, deposit("ada", 1))

    with started("run", *BATCH, "--json", folder=folder) as process:
        wait_until((folder / "begun").exists, "the handler has begun")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Stopping: running handlers finish, and results are stored.")
        (folder / "go").touch()
        out, _ = process.communicate()
    reported = summary(*BATCH, folder=folder)

    assert process.returncode == 130
    assert json.loads(out)["ended"] == "SIGINT"
    assert json.loads(out)["messages_handled"] + reported["messages_handled"] == 6
    assert states(folder / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 1}, "bank/gate/a": {"passed": 5}}


@pytest.mark.parametrize("kind", ["gate", "loop"])
def test_a_second_ctrl_c_ends_it_at_once_in_spite_of_handlers(folder: Path, kind: str) -> None:
    write_lines(folder / "in.jsonl", {"to": f"bank/{kind}/a", "value": 1})

    with started("run", *BATCH, folder=folder) as process:
        wait_until((folder / "begun").exists, "the handler has begun")
        process.send_signal(signal.SIGINT)
        if kind == "gate":
            assert process.stderr is not None
            process.stderr.readline()
        wait_until(lambda: process.send_signal(signal.SIGINT) or process.poll() is not None, "it has ended")
        process.communicate()
    (folder / "go").touch()
    summary(*BATCH, folder=folder)

    assert process.returncode == -signal.SIGINT
    assert states(folder / ".statefun" / "app.db") == {f"bank/{kind}/a": {"passed": 1}}


@pytest.mark.parametrize("told_by", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_without_an_end_ends_well_by_a_signal(folder: Path, told_by: signal.Signals) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1))

    with started("run", "app.py", "--input", "in.jsonl", *RECEIPTS, "--json", folder=folder) as process:
        receipts = folder / "out" / "receipts.jsonl"
        wait_until(lambda: receipts.exists() and receipts.read_bytes() != b"", "the receipt is written")
        process.send_signal(told_by)
        out, reported = process.communicate()

    assert process.returncode == 0
    assert (
        reported.splitlines()[0]
        == "Running bank/account, bank/gate, bank/loop; state in .statefun/app.db. Ctrl-C stops."
    )
    assert json.loads(out)["ended"] == told_by.name


def test_a_run_whose_store_was_overwritten_ends_with_an_error(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1))
    summary(*BATCH, *RECEIPTS, folder=folder)
    store, copy = folder / ".statefun" / "app.db", folder / "copy.db"
    shutil.copy(store, copy)
    write_lines(folder / "in.jsonl", deposit("ada", 1), deposit("ada", 2))
    receipts = folder / "out" / "receipts.jsonl"
    written = receipts.stat().st_size

    with started("run", "app.py", "--input", "in.jsonl", *RECEIPTS, folder=folder) as process:
        wait_until(lambda: receipts.stat().st_size > written, "the second receipt is written")
        shutil.copy(copy, store)
        process.send_signal(signal.SIGTERM)
        _, reported = process.communicate(timeout=DEADLINE)

    assert process.returncode == 1
    assert reported.splitlines()[-1] == f"Error: {OVERWRITTEN.format(path='.statefun/app.db')}"
    assert store.read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGHUP])
def test_a_sighup_is_no_second_signal(folder: Path, first: signal.Signals) -> None:
    """One comes from systemd after SIGTERM; of a closed window, the shell and the system send one each."""
    write_lines(folder / "in.jsonl", {"to": "bank/gate/a", "value": 1})

    with started("run", *BATCH, "--json", folder=folder) as process:
        wait_until((folder / "begun").exists, "the handler has begun")
        process.send_signal(first)
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        (folder / "go").touch()
        out, _ = process.communicate()

    assert process.returncode == 128 + first
    assert json.loads(out)["ended"] == first.name
    assert states(folder / ".statefun" / "app.db") == {"bank/gate/a": {"passed": 1}}


def test_a_sighup_that_is_ignored_stays_ignored(folder: Path) -> None:
    write_lines(folder / "in.jsonl", {"to": "bank/gate/a", "value": 1})
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )

    with subprocess.Popen(
        [sys.executable, "-c", ignoring, *COMMAND, "run", *BATCH], cwd=folder, stderr=subprocess.PIPE
    ) as process:
        wait_until((folder / "begun").exists, "the handler has begun")
        process.send_signal(signal.SIGHUP)
        (folder / "go").touch()
        process.communicate(timeout=DEADLINE)

    assert process.returncode == 0


def test_a_store_in_use_is_refused_by_name_of_the_process(folder: Path) -> None:
    write_lines(folder / "in.jsonl", {"to": "bank/gate/a", "value": 1})

    with started("run", *BATCH, folder=folder) as process:
        wait_until((folder / "begun").exists, "the handler has begun")
        done = run("run", *BATCH, folder=folder)

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: store .statefun/app.db: it is in use by process {process.pid}")


# --- on a terminal


def test_a_terminal_shows_how_far_how_fast_and_how_long_still(folder: Path) -> None:
    write_lines(folder / "in.jsonl", *[{"to": "bank/gate/a", "value": 1, "type": "io.statefun.types/long"}] * 8_000)

    with on_a_terminal("run", *BATCH, folder=folder) as terminal:
        terminal.wait_for("Reading", "%", " lines", " lines/s", " left")
        (folder / "go").touch()
        code = terminal.exit_code()

    assert code == 0
    assert "app: everything is done" in terminal.shown
    assert "8,000" in terminal.shown


def test_ctrl_c_on_a_terminal_leaves_it_as_it_was(folder: Path) -> None:
    write_lines(folder / "in.jsonl", {"to": "bank/gate/a", "value": 1})

    with on_a_terminal("run", *BATCH, folder=folder) as terminal:
        terminal.wait_for("lines/s")
        terminal.type(b"\x03")
        terminal.wait_for("Stopping: ")
        terminal.type(b"\x03")
        code = terminal.exit_code()

    assert code == -signal.SIGINT
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")  # the cursor is shown again


def test_a_closed_window_stops_it_cleanly(folder: Path) -> None:
    write_lines(folder / "in.jsonl", {"to": "bank/gate/a", "value": 1})

    with on_a_terminal("run", *BATCH, folder=folder) as terminal:
        terminal.wait_for("lines/s")
        wait_until((folder / "begun").exists, "the handler has begun")
        terminal.hang_up()
        (folder / "go").touch()
        code = terminal.exit_code()

    assert code == 128 + signal.SIGHUP
    assert states(folder / ".statefun" / "app.db") == {"bank/gate/a": {"passed": 1}}
