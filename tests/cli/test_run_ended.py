"""Code of an application that ends the event loop under a run: an error in a line, and nothing is lost."""

from __future__ import annotations

import contextlib
from http.client import HTTPException
from pathlib import Path

import pytest

from statefun_actors import Address
from tests.cli.commands import run, states, summary, write_lines
from tests.http.serving import DEADLINE, request, serving

APP = """
import asyncio
import sys
from pathlib import Path

from statefun_actors import Entity, handles, persisted


async def leave():
    sys.exit(4)


def end(how):
    loop = asyncio.get_running_loop()
    if how == "stop":
        loop.stop()
    elif how == "exit":
        loop.call_soon(sys.exit, 3)
    elif how == "task":
        loop.create_task(leave())
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
ENDED = {
    "stop": "by loop.stop()",
    "exit": "by SystemExit: 3, in a callback or a task",
    "task": "by SystemExit: 4, in a callback or a task",
    "cancel": "by cancelling tasks that are not its own",
}


def prepared(folder: Path, how: str) -> tuple[str, ...]:
    (folder / "app.py").write_text(APP)
    deposits = [{"to": "bank/account/ada", "value": 1}] * 2_000
    write_lines(folder / "in.jsonl", *deposits, {"to": "bank/ending/a", "value": how}, *deposits)
    return ("app.py", "--input", "in.jsonl", "--until-idle")


@pytest.mark.parametrize("how", ENDED)
def test_a_run_whose_loop_is_ended_says_so_and_the_next_one_goes_on(tmp_path: Path, how: str) -> None:
    command = prepared(tmp_path, how)
    done = run("run", *command, folder=tmp_path)
    (tmp_path / "cured").touch()
    summary(*command, folder=tmp_path)

    assert done.returncode == 1
    told = (
        f"Error: code of the application ended the event loop {ENDED[how]}. "
        "What was stored is kept; the next run goes on from there.\n"
    )
    if how == "task":
        assert told in done.stderr  # asyncio itself tells where the task failed
    else:
        assert done.stderr == told
    assert not (tmp_path / ".statefun" / "app.db.sock").exists()
    assert states(tmp_path / ".statefun" / "app.db") == {
        "bank/account/ada": {"balance": 4_000},
        "bank/ending/a": {"passed": 1},
    }


def test_an_error_in_a_callback_ends_nothing(tmp_path: Path) -> None:
    told = summary(*prepared(tmp_path, "error"), folder=tmp_path)

    assert told["messages_handled"] == 4_001


def test_serve_says_so_too(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with serving(tmp_path / "app.py") as server:
        with contextlib.suppress(OSError, HTTPException):
            server.post(request(Address("bank/ending", "a"), "stop", state={"passed": None}))
        code = server.process.wait(DEADLINE)
        server.reader.join(DEADLINE)

    assert code == 1
    assert server.shown[-1] == (
        "Error: code of the application ended the event loop by loop.stop(). "
        "Flink sends the batches under way again, once this is started again.\n"
    )
    assert "Traceback" not in "".join(server.shown)
