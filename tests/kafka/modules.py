"""An application, its module.yaml, and both as a process of its own: ``run --module``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import Message

from tests.cli.commands import run

APP: Final = """
from statefun_actors import DeadLetter, Entity, handles, kafka_record, message, persisted


@message("bank/deposit")
class Deposit:
    cents: int


class Account(Entity, typename="bank/account"):
    count: int = persisted(default=0)

    @handles(on_failure=DeadLetter("bank/dead", topic="TOPICS.dead", attempts=1))
    def deposit(self, message: Deposit) -> None:
        self.count += 1
        value = f"{self.count} {message.cents}"
        self.send_egress("bank/receipts", kafka_record(topic="TOPICS.out", key=self.id, value=value))
"""


def write_app(folder: Path, prefix: str, app: str = APP) -> None:
    """The application, which writes to the topics ``<prefix>.out`` and ``<prefix>.dead``."""
    (folder / "app.py").write_text(app.replace("TOPICS", prefix))


def write_module(folder: Path, address: str, topic: str, *more: str) -> None:
    """The module.yaml that ``statefun-actors module`` prints for the application."""
    arguments = ("--url", "http://app:8000", "--kafka", address, "--topic", f"{topic}=bank/account", *more)
    printed = run("module", "app.py", *arguments, folder=folder)
    assert printed.returncode == 0, printed.stderr
    (folder / "module.yaml").write_text(printed.stdout)


def deposit(cents: int) -> bytes:
    """The value of a record for an account."""
    return msgspec.json.encode({"cents": cents})


def by_key(records: Sequence[Message]) -> dict[str, list[str]]:
    """The values of *records*, in order, by key."""
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        found[(record.key() or b"").decode()].append((record.value() or b"").decode())
    return found
