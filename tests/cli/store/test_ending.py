"""Commands on stores that are interrupted, and arguments that no store can hold."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.place import StoreLocation
from tests.cli.commands import DEADLINE, run
from tests.cli.store.shop import STORE, WISHES, shop

PROGRAM = """
import signal
from statefun_actors.cli.ending import end_by_signals
end_by_signals()
try:
    signal.raise_signal(signal.{name})
finally:
    print("removed")
"""


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_command_after_it_has_removed_its_files(name: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)], capture_output=True, text=True, timeout=DEADLINE, check=False
    )

    assert (done.stdout, done.stderr, done.returncode) == ("removed\n", "", code)
    assert 128 + signal.Signals[name] == code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"), *WISHES)


@pytest.mark.parametrize(
    ("arguments", "where", "got"),
    [
        (["failing", "drop", "app.py", "demo/c/\udcff"], "[APP] ADDRESS...", "demo/c/"),
        (["failing", "retry", "app.py", "demo/c/\udcff"], "[APP] ADDRESS...", "demo/c/"),
        (["state", "set", "app.py", "demo/c/\udcff", "n", "1"], "ADDRESS", "demo/c/"),
        (["state", "app.py", "demo/c", "--prefix", "\udcff"], "--prefix", ""),
        (["timers", "app.py", "--to", "\udcff"], "--to", ""),
        (["egress", "app.py", "--name", "demo/\udcff"], "--name", "demo/"),
        (["asks", "answer", "app.py", "\udcff", "1"], "[APP] TOKEN [TYPE] JSON", ""),
    ],
)
def test_words_that_are_not_utf_8_are_a_mistake_in_the_command(
    folder: Path, arguments: list[str], where: str, got: str
) -> None:
    done = run(*arguments, folder=folder)

    assert done.returncode == 2
    assert done.stderr.endswith(f"Error: Invalid value for '{where}': expected UTF-8, got '{got}\\udcff'.\n")


def test_ctrl_c_says_that_the_change_may_have_been_made(folder: Path) -> None:
    async def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(click.ClickException) as caught:
        change_store(StoreLocation(folder / STORE, None), interrupted)

    assert caught.value.message == "interrupted. The change may or may not have been made: check before you repeat it."
