"""``run --virtual-time``: delayed messages without waiting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.bank import BATCH, deposit
from tests.cli.commands import lines_of, run, summary, write_lines


def test_delayed_messages_can_be_fired_in_virtual_time(folder: Path) -> None:
    write_lines(folder / "in.jsonl", deposit("ada", 1), deposit("bob", 2) | {"after": "P400D"})

    reported = summary(*BATCH, "--fire-timers", "--egress", "bank/reminders=r.jsonl", folder=folder)

    assert (reported["timers_fired"], reported["timers_pending"]) == (3, 0)
    assert reported["virtual_seconds"] == pytest.approx(430 * 86_400, abs=60)
    first, second = (line["value"] for line in lines_of(folder / "r.jsonl"))
    assert first < second


RECURRING = """
from datetime import timedelta

from statefun_actors import Entity, handles, persisted


class Clinic(Entity, typename="clinic/clinic"):
    ticks: int = persisted(default=0)
    closed: bool = persisted(default=False)

    @handles
    def on(self, message: str) -> None:
        if message == "open":
            self.send_every(timedelta(hours=1), self.address, "tick", name="hourly")
            self.send_after(timedelta(hours=5, minutes=30), self.address, "close")
        elif message == "tick":
            self.ticks += 1
        else:
            self.closed = True
"""


def test_virtual_time_ends_when_only_recurring_messages_are_left(folder: Path) -> None:
    (folder / "clinic.py").write_text(RECURRING)
    write_lines(folder / "in.jsonl", {"to": "clinic/clinic/a", "value": "open"})

    done = run("run", "clinic.py", *BATCH[1:], "--fire-timers", folder=folder)

    assert done.returncode == 0, done.stderr
    shown = run("state", "clinic.py", "clinic/clinic/a", "--json", folder=folder).stdout
    assert json.loads(shown)["fields"] == {"ticks": 5, "closed": True}
