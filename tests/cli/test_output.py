"""Standard output that is closed or has no reader: at most one line of error, and the right exit code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, DEADLINE, run, write_lines

APP = """
from statefun_actors import Entity, handles, persisted


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles(int)
    def deposit(self, message: int) -> None:
        self.balance += message
        self.send_egress("bank/out", message)
"""
RUN = "run app.py --until-idle --input in.jsonl"
COMMANDS = [RUN, "state app.py", "export app.py", "--help"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of these commands leave the store as it is, so one run is enough."""
    path = tmp_path_factory.mktemp("output")
    (path / "app.py").write_text(APP)
    write_lines(path / "in.jsonl", {"to": "bank/account/ada", "type": "io.statefun.types/long", "value": 1})
    assert run(*RUN.split(), "--quiet", folder=path).returncode == 0
    return path


def in_shell(command: str, redirection: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """*command* with standard streams as the *redirection* of a shell leaves them."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *command.split()],
        cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_standard_output_is_no_error(folder: Path, command: str) -> None:
    done = in_shell(command, ">&-", folder)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_all_standard_streams_may_be_closed_and_what_is_printed_gets_into_no_other_file(folder: Path) -> None:
    done = in_shell(f"{RUN} --egress bank/out=-", ">&- 2>&- <&-", folder)

    assert done.returncode == 0
    assert run("check", "app.py", folder=folder).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_closed_output_is_an_error_in_one_line(folder: Path, command: str) -> None:
    unread, output = os.pipe()
    os.close(unread)
    with os.fdopen(output, "wb", buffering=0) as closed:
        done = run(*command.split(), folder=folder, stdout=closed)

    assert (done.returncode, done.stderr) == (1, "Error: the output can't be written: Broken pipe.\n")
