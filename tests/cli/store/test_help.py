"""The help of each command has its purpose, arguments and exit codes; a shell completes its name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.store.shop import in_this_process

COMMANDS = {
    "send": "Send a message to an entity or a function.",
    "state list": "Show what entities know, as of the last commit.",
    "state set": "Set one field of one entity.",
    "history": "Show what happened to one entity, newest first, as of the last commit.",
    "timers list": "Show delayed messages that are pending, the next one first, as of the last commit.",
    "timers fire": "Deliver delayed messages now, instead of when they are due.",
    "timers cancel": "Delete delayed messages: they are never delivered.",
    "egress": "Show egress records that are kept in the store, oldest first, as of the last commit.",
    "dead-letters list": "List dead letters, oldest first, as of the last commit.",
    "dead-letters show": "Show one dead letter in full. NUMBER is its number in the list.",
    "dead-letters retry": "Retry dead letters: each becomes a new message, behind those that wait for its target.",
    "dead-letters discard": "Delete dead letters.",
    "failing list": "List messages that keep failing, by their addresses, with attempts and the last error.",
    "failing retry": "Try failing messages now, instead of when their next attempt is due.",
    "failing drop": "Remove failing messages from their mailboxes, so that the messages behind them are handled.",
    "export": "Write a whole store as lines of JSON, on standard output or to a file.",
    "import": "Create a store from the lines of an export.",
    "backup": "Copy a store to FILE, with or without an engine running on it.",
    "restore": "Go back to a backup: put a copy of FILE in the place of a store.",
    "check": "Check a whole store for damage, and whether APP can resume from it.",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_says_it_all(tmp_path: Path, command: str) -> None:
    done = in_this_process(*command.split(), "--help", folder=tmp_path)

    words = " ".join(done.stdout.split())
    assert done.exit_code == 0
    assert COMMANDS[command] in words
    assert "./.statefun/<APP's name>.db" in words
    assert "exit code is 0" in words
    assert "--store FILE" in words
    assert "--json" in words


def test_the_group_names_them_all(tmp_path: Path) -> None:
    shown = in_this_process("--help", folder=tmp_path).stdout

    assert {line.split()[0] for line in shown.split("Commands:")[1].splitlines() if line} >= {
        *(command.split()[0] for command in COMMANDS),
        "completion",
    }
    assert "The exit code is 0 on success, 1 after an error, 2 for a mistake" in shown


PROGRAM = Path(sys.executable).with_name("statefun-actors")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_the_script_for_completion(tmp_path: Path, shell: str) -> None:
    named = in_this_process("completion", shell, folder=tmp_path)
    taken = subprocess.run(
        [sys.executable, "-m", "statefun_actors", "completion"],
        env=os.environ | {"SHELL": f"/usr/bin/{shell}"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert f"_STATEFUN_ACTORS_COMPLETE={shell}_complete" in named.stdout
    assert named.stdout == taken.stdout


def test_completion_requests_of_a_shell_are_answered() -> None:
    def completed(*words: str) -> list[str]:
        asked = os.environ | {
            "_STATEFUN_ACTORS_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["statefun-actors", *words]),
            "COMP_CWORD": str(len(words)),
        }
        done = subprocess.run([PROGRAM], env=asked, capture_output=True, text=True, check=True)
        return [line.removeprefix("plain,") for line in done.stdout.splitlines()]

    assert completed("st") == ["state"]
    assert completed("dead-letters", "re") == ["retry"]
    assert "--prefix" in completed("state", "list", "--p")


def test_an_unknown_shell_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "statefun_actors", "completion"],
        env=os.environ | {"SHELL": "/bin/csh"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == ("Error: expected the name of a shell, bash, zsh or fish; $SHELL is 'csh'.")
