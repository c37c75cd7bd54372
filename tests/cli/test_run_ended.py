"""Code of an application that stops the event loop: the command continues, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors import Address
from tests.cli.commands import run, states, summary, write_lines
from tests.http.serving import request, serving

APP = """
import asyncio
import sys
from pathlib import Path

from statefun_actors import Entity, handles, persisted


async def leave():
    sys.exit(4)


async def interrupt():
    raise KeyboardInterrupt


def end(how):
    loop = asyncio.get_running_loop()
    if how == "stop":
        loop.stop()
    elif how == "exit":
        loop.call_soon(sys.exit, 3)
    elif how == "task":
        loop.create_task(leave())
    elif how == "interrupt":
        loop.create_task(interrupt())
    elif how == "cancel":
        for task in asyncio.all_tasks():
            task.cancel()
    elif how == "error":
        loop.call_soon(int, "x")


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: int) -> None:
        self.balance += message


class Ending(Entity, typename="bank/ending"):
    passed: int = persisted(default=0)

    @handles
    async def end(self, message: str) -> None:
        if not Path("cured").exists():
            end(message)
            await asyncio.sleep(0.001)
        self.passed += 1
"""
STOPPED = {
    "stop": "by loop.stop()",
    "exit": "by SystemExit: 3, in a callback or a task",
    "task": "by SystemExit: 4, in a callback or a task",
    "interrupt": "by KeyboardInterrupt, in a callback or a task",
}


def prepared(folder: Path, how: str) -> tuple[str, ...]:
    (folder / "app.py").write_text(APP)
    deposits = [{"to": "bank/account/ada", "value": 1}] * 2_000
    write_lines(folder / "in.jsonl", *deposits, {"to": "bank/ending/a", "value": how}, *deposits)
    return ("app.py", "--input", "in.jsonl", "--until-idle")


@pytest.mark.parametrize("how", STOPPED)
def test_a_run_whose_loop_is_stopped_goes_on_and_says_so(tmp_path: Path, how: str) -> None:
    done = run("run", *prepared(tmp_path, how), folder=tmp_path)

    assert done.returncode == 0
    reported = f"code of the application stopped the event loop {STOPPED[how]}; it goes on (logged once)"
    assert done.stderr.count(reported) == 1
    assert states(tmp_path / ".statefun" / "app.db") == {
        "bank/account/ada": {"balance": 4_000},
        "bank/ending/a": {"passed": 1},
    }


def test_a_run_all_of_whose_tasks_are_cancelled_says_so_and_the_next_one_goes_on(tmp_path: Path) -> None:
    command = prepared(tmp_path, "cancel")
    done = run("run", *command, folder=tmp_path)
    (tmp_path / "cured").touch()
    summary(*command, folder=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "Error: code of the application ended the event loop by cancelling tasks that are not its own. "
        "Stored messages are kept; the next run continues from there."
    )
    assert not (tmp_path / ".statefun" / "app.db.sock").exists()
    assert states(tmp_path / ".statefun" / "app.db") == {
        "bank/account/ada": {"balance": 4_000},
        "bank/ending/a": {"passed": 1},
    }


def test_an_error_in_a_callback_ends_nothing(tmp_path: Path) -> None:
    reported = summary(*prepared(tmp_path, "error"), folder=tmp_path)

    assert reported["messages_handled"] == 4_001


def test_serve_goes_on_too(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with serving(tmp_path / "app.py") as server:
        for how in STOPPED:
            answer = server.post(request(Address("bank/ending", how), how, state={"passed": None}))
            assert answer[0] == 200, how

    shown = "".join(server.shown)
    assert [shown.count(f"stopped the event loop {reported}; it goes on") for reported in STOPPED.values()] == [1] * 4
