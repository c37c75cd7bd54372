"""``statefun-actors run``: messages that keep failing, and those for what is not served."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.cli.bank import BATCH, deposit
from tests.cli.commands import lines_of, run, started, states, summary, without_times, write_lines


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
