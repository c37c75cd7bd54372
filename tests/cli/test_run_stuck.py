"""A run ends within ten seconds of a stop signal, whatever its handlers do, and loses nothing."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

from tests.cli.commands import started, states, summary, wait_until, write_lines

APP = """
import asyncio
import time
from pathlib import Path

from statefun_actors import Entity, handles, persisted


def stay() -> None:
    Path("begun").touch()
    if not Path("cured").exists():
        time.sleep(60)


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles(int)
    def deposit(self, message: int) -> None:
        self.balance += message


class Loop(Entity, typename="bank/loop"):
    passed: int = persisted(default=0)

    @handles(int)
    def hold(self, message: int) -> None:
        stay()
        self.passed += message


class Thread(Entity, typename="bank/thread"):
    passed: int = persisted(default=0)

    @handles(int, blocking=True)
    def hold(self, message: int) -> None:
        stay()
        self.passed += message


class Deaf(Entity, typename="bank/deaf"):
    passed: int = persisted(default=0)

    @handles(int)
    async def hold(self, message: int) -> None:
        Path("begun").touch()
        until = time.monotonic() + 60
        while time.monotonic() < until and not Path("cured").exists():
            try:
                await asyncio.sleep(1)
            except BaseException:
                pass
        self.passed += message
"""

KINDS = ("loop", "thread", "deaf")
LATE = (
    "Ended after 9.5 s, although a handler still runs: its messages are stored, and will be handled at the next start."
)

DEAF = (
    "WARNING statefun_actors.dispatch: Deaf.hold: it was cancelled since its batch was stopped, and still ran 1 s "
    "later, so it was given up: what it changes or sends from now on has no effect; handlers that run on: 1. Let it, "
    "and what it awaits, end on asyncio.CancelledError: catch Exception, not BaseException"
)


def test_sigterm_ends_a_run_within_ten_seconds_in_spite_of_handlers(tmp_path: Path) -> None:
    command = ("app.py", "--input", "in.jsonl", "--until-idle")
    with contextlib.ExitStack() as running:
        processes = {}
        for kind in KINDS:
            folder = tmp_path / kind
            folder.mkdir()
            (folder / "app.py").write_text(APP)
            deposits = [{"to": "bank/account/ada", "value": 1}] * 3_000
            write_lines(folder / "in.jsonl", *deposits, {"to": f"bank/{kind}/a", "value": 1})
            processes[kind] = running.enter_context(started("run", *command, folder=folder))
        for kind in KINDS:
            wait_until((tmp_path / kind / "begun").exists, "the handler has begun")
            processes[kind].send_signal(signal.SIGTERM)
        end = time.monotonic() + 12  # ten, and what a busy machine adds
        reported = {kind: processes[kind].communicate(timeout=end - time.monotonic())[1] for kind in KINDS}
        codes = {kind: processes[kind].returncode for kind in KINDS}
    for kind in KINDS:
        (tmp_path / kind / "cured").touch()
        summary(*command, folder=tmp_path / kind)

    assert codes == dict.fromkeys(KINDS, 128 + signal.SIGTERM)
    assert LATE in reported["loop"]
    assert (
        "WARNING statefun_actors.engine: "
        "bank/thread/a: its handler does not end; its messages are handled again at the next start"
        in reported["thread"]
    )
    assert DEAF in reported["deaf"]
    for kind in KINDS:
        found = states(tmp_path / kind / ".statefun" / "app.db")
        assert found == {"bank/account/ada": {"balance": 3_000}, f"bank/{kind}/a": {"passed": 1}}


GIVEN_UP = """
import threading

from statefun_actors import Discard, Entity, handles


class Hung(Entity, typename="bank/hung", on_failure=Discard(attempts=1)):
    @handles(int, blocking=True, timeout=0.1)
    def wait(self, message: int) -> None:
        threading.Event().wait()
"""


def test_a_run_ends_although_a_thread_never_does_whose_handler_was_given_up(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(GIVEN_UP)
    write_lines(tmp_path / "in.jsonl", {"to": "bank/hung/a", "value": 1})

    reported = summary("app.py", "--input", "in.jsonl", "--until-idle", folder=tmp_path)

    assert (reported["ended"], reported["messages_waiting"]) == ("idle", 0)
