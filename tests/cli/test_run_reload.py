"""``run --reload``: new code for old state, and old code while the new one is wrong."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.commands import Process, on_a_terminal, run, started, states, wait_until

APP = """
from pathlib import Path
from statefun_actors import Entity, handles, persisted

STEP = 1

class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += STEP * message
        Path(f"done {message}").write_text(f"{STEP}")
"""

GOES_ON = "The previous code goes on.\n"
"""The end of what is said of a mistake, and not of code that is still loading."""


def lines_of(process: Process, until: str) -> list[str]:
    """Its output, up to the line that contains *until*."""
    assert process.stderr is not None
    reported: list[str] = []
    while not reported or until not in reported[-1]:
        line = process.stderr.readline()
        assert line, f"it ended before saying {until!r}: {reported}"
        reported.append(line)
    return reported


@contextmanager
def reloading(folder: Path) -> Generator[Process]:
    """The command while it runs; its process ends with the block."""
    sender = folder / "sender"
    sender.mkdir()
    (sender / "app.py").write_text(APP)
    with started("run", "app.py", "--reload", "--bind", "none", folder=folder) as process:
        lines_of(process, "Running test/counter")
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate()


def send(folder: Path, number: int) -> None:
    """A message sent by a process of its own, which has no mistake."""
    send_to(folder, "sender/app.py", number)


def send_to(folder: Path, app: str, number: int) -> None:
    command = ("send", app, "test/counter/a", f"{number}", "--store", ".statefun/app.db")
    assert run(*command, folder=folder).returncode == 0
    done = folder / f"done {number}"
    wait_until(lambda: done.exists() and done.read_text() != "", "it is handled")


def test_a_change_starts_the_new_code_on_the_old_state_and_a_mistake_leaves_the_old_code(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(APP)
    with reloading(tmp_path) as process:
        send(tmp_path, 1)
        app.write_text(APP.replace("STEP = 1", "STEP = 10"))
        changed = lines_of(process, "Running test/counter")
        send(tmp_path, 2)
        app.write_text(APP.replace("STEP = 1", "STEP = = 1"))
        mistake = lines_of(process, GOES_ON)
        send(tmp_path, 3)
        process.send_signal(signal.SIGTERM)
        process.communicate()

    assert changed[0] == "app.py changed.\n"
    assert "SyntaxError" in "".join(mistake)
    assert mistake[-1] == GOES_ON
    assert states(tmp_path / ".statefun" / "app.db") == {"test/counter/a": {"n": 1 + 20 + 30}}
    assert process.returncode == 0


def test_a_mistake_within_a_second_of_a_good_change_leaves_code_that_could_be_loaded(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(APP)
    with reloading(tmp_path) as process:
        send(tmp_path, 1)
        app.write_text(APP.replace("STEP = 1", "STEP = 10"))
        lines_of(process, "changed.")
        app.write_text(APP.replace("STEP = 1", "STEP = = 1"))  # while the good one is being loaded
        mistake = lines_of(process, GOES_ON)
        send(tmp_path, 2)
        step = int((tmp_path / "done 2").read_text())
        if step == 10 and "Running" not in "".join(mistake):
            lines_of(process, "Running test/counter")
        app.write_text(APP.replace("STEP = 1", "STEP = 100"))
        lines_of(process, "changed.")
        lines_of(process, "Running test/counter")
        send(tmp_path, 3)
        process.send_signal(signal.SIGTERM)
        process.communicate()

    assert "SyntaxError" in "".join(mistake)
    assert "The run has ended" not in "".join(mistake)
    assert step in {1, 10}  # whichever of the first two was loaded when the mistake came
    assert states(tmp_path / ".statefun" / "app.db") == {"test/counter/a": {"n": 1 + 2 * step + 3 * 100}}
    assert process.returncode == 0


def test_code_that_blocks_while_it_is_imported_is_replaced_by_the_next_change(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(APP)
    with reloading(tmp_path) as process:
        app.write_text(f"import time\nopen('loading', 'w').close()\ntime.sleep(600)\n{APP}")
        still = lines_of(process, "still loading")
        send(tmp_path, 1)
        blocked = tmp_path / "loading"
        wait_until(blocked.exists, "the first one blocks")
        blocked.unlink()
        app.write_text(f"import time\nopen('loading', 'w').close()\ntime.sleep(601)\n{APP}")
        wait_until(blocked.exists, "the second one blocks, too")
        app.write_text(APP.replace("STEP = 1", "STEP = 10"))
        lines_of(process, "Running test/counter")
        send(tmp_path, 2)
        app.write_text(
            f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen('deaf', 'w').close()\n"
            f"import time\ntime.sleep(600)\n{APP}"
        )
        wait_until((tmp_path / "deaf").exists, "the third one blocks, and ignores SIGTERM")
        process.send_signal(signal.SIGTERM)
        process.communicate()

    assert still[0] == "app.py changed.\n"
    assert still[-1] == "The new code is still loading after 5 s. The previous code goes on. A change starts anew.\n"
    assert states(tmp_path / ".statefun" / "app.db") == {"test/counter/a": {"n": 1 + 20}}
    assert process.returncode == 0


def test_an_error_at_the_start_ends_the_new_run_until_the_next_change(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(APP)
    with reloading(tmp_path) as process:
        send(tmp_path, 1)
        app.write_text(APP.replace("n: int = persisted(default=0)", 'n: str = persisted(default="")'))
        refused = "".join(lines_of(process, "The run has ended"))
        app.write_text(APP)
        lines_of(process, "Running test/counter")
        send(tmp_path, 2)
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert (
        "test/counter: state 'n' can't be read (test/counter/a): it is stored as 'io.statefun.types/long'." in refused
    )
    assert "The run has ended, with exit code 1. A change of a file restarts it; Ctrl-C ends the command." in refused
    assert states(tmp_path / ".statefun" / "app.db") == {"test/counter/a": {"n": 3}}
    assert process.returncode == 0


def test_a_closed_window_stops_it_cleanly(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with on_a_terminal("run", "app.py", "--reload", "--bind", "none", folder=tmp_path) as terminal:
        terminal.wait_for("Running test/counter")
        send_to(tmp_path, "app.py", 1)
        terminal.hang_up()
        code = terminal.exit_code()

    assert code == 0
    assert states(tmp_path / ".statefun" / "app.db") == {"test/counter/a": {"n": 1}}
    assert run("check", "app.py", folder=tmp_path).returncode == 0


@pytest.mark.parametrize("other", ["--until-idle", "--memory"])
def test_it_is_for_runs_that_go_on(tmp_path: Path, other: str) -> None:
    (tmp_path / "app.py").write_text(APP)

    refused = run("run", "app.py", "--reload", other, folder=tmp_path)

    assert refused.returncode == 2
    assert f"--reload needs a run that does not end and keeps its state; omit {other}." in refused.stderr
