"""A run that is killed at random moments and repeated ends with the result of an undisturbed run."""

from __future__ import annotations

import gzip
import json
import random
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Process, lines_of, started, states, summary, wait_until

APP = """
from datetime import timedelta

from statefun_actors import Entity, handles, kafka_record, message, persisted


@message("bank/transfer")
class Transfer:
    number: int
    to: str
    cents: int


@message("bank/credit")
class Credit:
    number: int
    cents: int


@message("bank/remind")
class Remind:
    number: int


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)
    seen: int = persisted(default=0)
    reminded: list[int] = persisted(factory=list)

    @handles
    def transfer(self, message: Transfer) -> None:
        self.balance -= message.cents
        self.seen += 1
        self.send(Account.at(message.to), Credit(number=message.number, cents=message.cents))
        self.send_egress("bank/sent", kafka_record(topic="sent", key=self.id, value=str(message.number)))
        if message.number % 50 == 0:
            self.send_after(timedelta(days=1), self.address, Remind(number=message.number))

    @handles
    async def credit(self, message: Credit) -> None:
        self.balance += message.cents
        self.send_egress("bank/credited", message)

    @handles
    def remind(self, message: Remind) -> None:
        self.reminded.append(message.number)
"""

LINES = 3_000
ACCOUNTS = 97


def write_input(path: Path) -> None:
    rng = random.Random(7)
    lines: list[str] = []
    for number in range(LINES):
        if number % 97 == 13:
            lines.append(f'{{"to": "bank/account/{number}", "value"')
            continue
        value = {"number": number, "to": str(rng.randrange(ACCOUNTS)), "cents": rng.randrange(1_000)}
        line = {"to": f"bank/account/{rng.randrange(ACCOUNTS)}", "type": "bank/transfer", "value": value}
        lines.append(json.dumps(line))
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def arguments(input: str) -> list[str]:
    return [
        *("app.py", "--input", input, "--until-idle", "--fire-timers", "--skip-bad-lines", "bad.jsonl"),
        *("--egress", "bank/sent=sent.jsonl", "--egress", "bank/credited=credited.jsonl"),
    ]


def outcome(folder: Path) -> tuple[Any, ...]:
    """Everything that must not depend on kills. Records of one sender keep their order; among senders there is none."""
    sent: dict[str, list[str]] = defaultdict(list)
    for line in lines_of(folder / "sent.jsonl"):
        sent[line["key"]].append(line["value"])
    credited = sorted((folder / "credited.jsonl").read_text().splitlines())
    return states(folder / ".statefun" / "app.db"), sent, credited, (folder / "bad.jsonl").read_text()


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def wait_to_kill(process: Process, folder: Path, written: int, *, in_commit: bool) -> None:
    """Until the egress file is that big; *in_commit*: and then until a commit has begun."""
    log = folder / ".statefun" / "app.db-wal"
    wait_until(lambda: size(folder / "credited.jsonl") >= written or process.poll() is not None, "enough is written")
    if in_commit:
        before = (size(log), log.stat().st_mtime_ns)
        wait_until(lambda: (size(log), log.stat().st_mtime_ns) != before or process.poll() is not None, "a commit")


@pytest.mark.parametrize(("input", "kills"), [("in.jsonl", 4), ("in.jsonl.gz", 2)])
def test_a_killed_run_has_the_same_result(tmp_path: Path, input: str, kills: int) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        (folder / "app.py").write_text(APP)
        write_input(folder / input)
    summary("--quiet", *arguments(input), folder=whole)
    full = size(whole / "credited.jsonl")
    rng = random.Random(full)

    for kill_at in sorted(rng.randrange(full * 2 // 3) for _ in range(kills)):
        with started("run", *arguments(input), "--quiet", folder=killed) as process:
            wait_to_kill(process, killed, kill_at, in_commit=rng.random() < 0.5)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    reported = summary(*arguments(input), folder=killed)

    assert reported["lines"]["in_all"] == LINES
    assert 0 < reported["lines"]["this_run"] < LINES
    assert outcome(killed) == outcome(whole)
    balances = [state.get("balance", 0) for state in states(killed / ".statefun" / "app.db").values()]
    assert sum(balances) == 0  # type: ignore[arg-type]


PLAIN = """
from statefun_actors import Entity, handles, persisted

class Counter(Entity, typename="bench/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount
        self.send_egress("bench/totals", self.total)
"""


def test_without_messages_in_between_the_egress_file_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    lines = [f'{{"to": "bench/counter/{number * 7919 % 800}", "value": {number}}}\n' for number in range(8_000)]
    for folder in (whole, killed):
        folder.mkdir()
        (folder / "app.py").write_text(PLAIN)
        (folder / "in.jsonl").write_text("".join(lines))
    command = ("app.py", "--input", "in.jsonl", "--until-idle", "--egress", "bench/totals=totals.jsonl")
    summary(*command, folder=whole)

    for part in (1, 2, 3):
        with started("run", *command, "--quiet", folder=killed) as process:
            enough = size(whole / "totals.jsonl") * part // 5
            wait_until(lambda: size(killed / "totals.jsonl") >= enough, "enough has been written")  # noqa: B023
            process.send_signal(signal.SIGKILL)
    summary(*command, folder=killed)

    assert (killed / "totals.jsonl").read_bytes() == (whole / "totals.jsonl").read_bytes()
    assert states(killed / ".statefun" / "app.db") == states(whole / ".statefun" / "app.db")
