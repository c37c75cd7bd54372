"""``statefun-actors run``: its input, output, summary and exit codes."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from statefun_actors.units import SIZE_FORM
from tests.cli.commands import (
    COMMAND,
    DEADLINE,
    lines_of,
    on_a_terminal,
    run,
    started,
    states,
    summary,
    wait_until,
    without_times,
    write_lines,
)

APP = '''
import asyncio
from datetime import timedelta
from pathlib import Path

from statefun_actors import Entity, handles, kafka_record, message, persisted


@message("bank/deposit")
class Deposit:
    cents: int


@message("bank/remind")
class Remind:
    pass


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> None:
        if message.cents < 0:
            raise ValueError("no such money")
        self.balance += message.cents
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=message))
        self.send_after(timedelta(days=30), self.address, Remind(), cancellation_token="idle")

    @handles
    def remind(self, message: Remind) -> None:
        self.send_egress("bank/reminders", self.now.date())


class Gate(Entity, typename="bank/gate"):
    """Tells that it has begun, and goes on once it may."""

    passed: int = persisted(default=0)

    @handles
    async def open(self, message: int) -> None:
        Path("begun").touch()
        while not Path("go").exists():
            await asyncio.sleep(0.001)
        self.passed += 1


class Loop(Entity, typename="bank/loop"):
    passed: int = persisted(default=0)

    @handles
    def turn(self, message: int) -> None:
        Path("begun").touch()
        while not Path("go").exists():
            pass
        self.passed += 1
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def deposit(id: str, cents: int) -> dict[str, object]:
    return {"to": f"bank/account/{id}", "type": "bank/deposit", "value": {"cents": cents}}


BATCH = ("app.py", "--input", "in.jsonl", "--until-idle")
RECEIPTS = ("--egress", "bank/receipts=out/receipts.jsonl")


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


def test_delayed_messages_can_be_fired_in_virtual_time(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1), deposit("bob", 2) | {"after": "P400D"})

    reported = summary(*BATCH, "--fire-timers", "--egress", "bank/reminders=r.jsonl", folder=folder)

    assert (reported["timers_fired"], reported["timers_pending"]) == (3, 0)
    assert reported["virtual_seconds"] == pytest.approx(430 * 86_400, abs=60)
    first, second = (line["value"] for line in lines_of(folder / "r.jsonl"))
    assert first < second


RECURRING = """
from datetime import timedelta

from statefun_actors import Entity, handles, persisted


class Clinic(Entity, typename="clinic/clinic"):
    ticks: int = persisted(default=0)
    closed: bool = persisted(default=False)

    @handles
    def on(self, message: str) -> None:
        if message == "open":
            self.send_every(timedelta(hours=1), self.address, "tick", name="hourly")
            self.send_after(timedelta(hours=5, minutes=30), self.address, "close")
        elif message == "tick":
            self.ticks += 1
        else:
            self.closed = True
"""


def test_virtual_time_ends_when_only_recurring_messages_are_left(folder: Path) -> None:
    (folder / "clinic.py").write_text(RECURRING)
    write_lines(folder / "in.jsonl", {"to": "clinic/clinic/a", "value": "open"})

    done = run("run", "clinic.py", *BATCH[1:], "--fire-timers", folder=folder)

    assert done.returncode == 0, done.stderr
    shown = run("state", "clinic.py", "clinic/clinic/a", "--json", folder=folder).stdout
    assert json.loads(shown)["fields"] == {"ticks": 5, "closed": True}


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


def test_a_message_that_keeps_failing_can_be_given_up(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1), deposit("ada", -1), deposit("ada", 2))

    done = run("run", *BATCH, "--dead-letters", "bank/dead", "--egress", "bank/dead=dead.jsonl", folder=folder)

    assert done.returncode == 0
    assert without_times(done.stderr) == (
        "WARNING statefun_actors.dispatch: bank/account/ada: dead letter of type bank/deposit after 3 attempts: "
        "ValueError: no such money\n"
    )
    (letter,) = lines_of(folder / "dead.jsonl")
    assert (letter["key"], letter["value"]["error"]) == ("bank/account/ada", "no such money")
    assert states(folder / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 3}}


def test_a_message_that_is_retried_again_and_again_is_logged(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", -1), deposit("bob", 1))

    with started("run", *BATCH, "--json", folder=folder) as process:
        assert process.stderr is not None
        line = ""
        while "failing" not in line:
            line = process.stderr.readline()
            assert line, "it ended without telling"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()

    assert line == (
        "Everything else is done; 1 message keeps failing, first that of bank/account/ada: ValueError: no such "
        "money. Ctrl-C stops; --dead-letters NS/NAME gives up on such messages.\n"
    )
    reported = json.loads(out)
    assert process.returncode == 130
    (failing,) = reported["failing"]
    assert (failing["address"], failing["error"]) == ("bank/account/ada", "ValueError: no such money")
    assert reported["messages_waiting"] == 1


def test_messages_for_what_is_not_served_are_kept_for_a_run_that_does(folder: Path) -> None:
    later = deposit("ada", 1) | {"after": "PT0.001S"}
    write_lines(folder / "in.jsonl", later)
    summary("app.py:Account", "--input", "in.jsonl", "--until-idle", folder=folder)
    (folder / "other.py").write_text(
        "from statefun_actors import Entity, handles\nfrom app import Account\n"
        'class Sender(Entity, typename="bank/sender"):\n    @handles\n    def go(self, message: int) -> None:\n'
        '        self.send(Account.at("eve"), __import__("app").Deposit(cents=3))\n'
    )
    write_lines(folder / "go.jsonl", {"to": "bank/sender/x", "value": 1})

    parked = summary(
        "other.py:Sender", "--input", "go.jsonl", "--until-idle", "--store", ".statefun/app.db", folder=folder
    )
    served = summary("app.py", "--until-idle", folder=folder)

    assert parked["messages_parked"] == {"bank/account": 1}
    assert parked["messages_waiting"] == 0
    assert served["messages_handled"] == 1
    assert states(folder / ".statefun" / "app.db")["bank/account/eve"] == {"balance": 3}


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


# --- what is asked for wrongly


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--memory", "--store", "x.db"], "--memory keeps no store; omit one of --store and --memory."),
        (["--fire-timers"], "--fire-timers requires --until-idle."),
        (["--input", "app.py", "--input", "./app.py"], "one --input is repeated; a file is read once."),
        (["--egress", "a/b=x", "--egress", "a/b=y"], "one --egress is repeated; give each one target."),
        (
            ["--egress", "a/b=x", "--skip-bad-lines", "./x"],
            "a file can't be shared: give each --egress, and --skip-bad-lines, its own.",
        ),
        (
            ["--egress", "a/b"],
            "Invalid value for '--egress': 'a/b' is not NS/NAME=TARGET, such as bank/receipts=receipts.jsonl.",
        ),
        (["--egress", "a=x"], "Invalid value for '--egress': 'a' is not <namespace>/<name>, such as bank/receipts."),
        (
            ["--cache-bytes", "much"],
            f"Invalid value for '--cache-bytes': expected {SIZE_FORM}, got 'much'",
        ),
    ],
)
def test_a_mistake_in_the_command_is_reported_in_one_line(folder: Path, arguments: list[str], reported: str) -> None:
    done = run("run", "app.py", *arguments, folder=folder)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == f"Error: {reported}"


def test_a_mistake_in_the_app_is_reported_without_a_traceback(folder: Path) -> None:
    (folder / "app.py").write_text(
        'from statefun_actors import Entity\nclass A(Entity, typename="a"):\n    x: int\n    y: list\n'
    )

    done = run("run", "app.py", folder=folder)

    assert done.returncode == 2
    assert done.stderr.startswith("Error: app.py:2: class A has ")
    assert "Traceback" not in done.stderr


def test_the_help_fits_a_newcomer(folder: Path) -> None:
    group, command = run("--help", folder=folder), run("run", "--help", folder=folder)

    assert (group.returncode, command.returncode) == (0, 0)
    assert re.search(r"run +Run an application here, its state in one SQLite file\.", group.stdout)
    for option in ("--input FILE", "--until-idle", "--egress NS/NAME=TARGET", "--skip-bad-lines FILE", "--fire-timers"):
        assert option in command.stdout


def test_the_version(folder: Path) -> None:
    done = run("--version", folder=folder)

    assert done.stdout == f"statefun-actors {version('statefun-actors')}\n"


def test_help_loads_no_more_than_it_shows() -> None:
    script = "import sys, statefun_actors.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()

    assert {"rich", "sqlite3", "quart", "hypercorn"} & set(loaded) == set()
