"""An application, its store, and an engine that runs on it or not: the set-up of the tests of these commands."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from statefun_actors.cli import main
from tests.cli.commands import Process, started, summary, wait_until, write_lines

APP: Final = '''
from datetime import timedelta

from statefun_actors import Entity, TerminalError, handles, kafka_record, message, persisted


@message("shop/wish")
class Wish:
    text: str
    price: int = 0


class Basket(Entity, typename="shop/basket"):
    """Wishes, and what they cost."""

    spent: int = persisted(default=0, name="total")
    wishes: list[str] = persisted(factory=list, expire_after_write=timedelta(days=1000))
    best: Wish | None = persisted(default=None)

    @handles
    def wish(self, message: Wish) -> None:
        if message.price < 0:
            raise TerminalError("nobody pays for that")
        if message.price:
            self.spent += message.price
        self.wishes.append(message.text)
        if self.best is None or message.price > self.best.price:
            self.best = message
        self.send_egress("shop/wishes", kafka_record(topic="wishes", key=self.id, value=message))
        self.send_after(timedelta(days=30), self.address, 1, cancellation_token="remind")

    @handles
    def add(self, message: int) -> None:
        self.spent += message


class Page(Entity, typename="shop/page"):
    visits: int = persisted(default=0)

    @handles
    def visit(self, message: int) -> None:
        self.visits += message
'''

STORE: Final = Path(".statefun") / "app.db"


def wish(id: str, text: str, price: int) -> dict[str, object]:
    return {"to": f"shop/basket/{id}", "type": "shop/wish", "value": {"text": text, "price": price}}


def shop(folder: Path, *lines: Mapping[str, object]) -> Path:
    """*folder* with the application in it and a store that has handled *lines*."""
    (folder / "app.py").write_text(APP)
    write_lines(folder / "in.jsonl", *lines)
    summary("app.py", "--input", "in.jsonl", "--until-idle", folder=folder)
    return folder


WISHES: Final = (wish("ada", "tea", 5), wish("adam", "é\n", 0), wish("bob", "jam", -1), wish("bob", "ham", -2))
"""Two entities; two dead letters."""


@contextmanager
def engine(folder: Path) -> Generator[Process]:
    """An engine that runs on the store in *folder*, with its control socket."""
    lock = folder / f"{STORE}.lock"
    with started("run", "app.py", "--quiet", "--bind", "none", folder=folder) as process:
        wait_until(lambda: lock.exists() and "door " in lock.read_text(), "the control door is open")
        yield process


def reported(*arguments: str, folder: Path) -> list[dict[str, Any]]:
    """The objects that a command prints with --json; it must succeed."""
    done = in_this_process(*arguments, "--json", folder=folder)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def table(*arguments: str, folder: Path) -> list[list[str]]:
    """The cells of the table that a command prints; it must succeed."""
    done = in_this_process(*arguments, folder=folder)
    assert done.exit_code == 0, done.stderr
    return [line.split("   ") for line in done.stdout.splitlines()]


def refusal(*arguments: str, folder: Path, code: int) -> str:
    """The last line of a command's errors; the command must exit with *code* and print nothing else."""
    done = in_this_process(*arguments, folder=folder)
    assert (done.exit_code, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def in_this_process(*arguments: str, folder: Path, typed: str | None = None) -> Result:
    """A command in *folder*, without the half second that a process takes to start; *typed* is its input."""
    before, modules, path = Path.cwd(), dict(sys.modules), [*sys.path]
    os.chdir(folder)
    try:
        return CliRunner().invoke(main, arguments, input=typed, prog_name="statefun-actors")
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in [name for name in sys.modules if name not in modules and name.endswith("app")]:
            del sys.modules[name]  # each folder has an app.py of its own


def spent(folder: Path, id: str) -> int:
    """The sum that a basket has spent, read from the store."""
    (found,) = reported("state", "app.py", f"shop/basket/{id}", folder=folder)
    amount: int = found["fields"]["spent"]
    return amount
