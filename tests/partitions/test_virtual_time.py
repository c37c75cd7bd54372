"""``run --partitions --until-idle --fire-timers``: one virtual time for all partitions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from statefun_actors.cli.run.shared_clock import SharedClock, clock_in, new_clock
from tests.cli.commands import run, summary
from tests.partitions.running import Running, wait_for
from tests.partitions.systems import id_in
from tests.partitions.test_input import LONG, write_lines

HERE, THERE = id_in(0, "test/clock"), id_in(1, "test/clock")
APP: Final = """
from datetime import timedelta

from statefun_actors import Entity, handles, persisted


class Clock(Entity, typename="test/clock"):
    ticks: int = persisted(default=0)
    hops: list[int] = persisted(factory=list)

    @handles(str)
    def start(self, other: str) -> None:
        self.send_every(timedelta(hours=12), self.address, -1, name="tick")

    @handles(int)
    def hop(self, left: int) -> None:
        if left < 0:
            self.ticks += 1
            return
        self.hops.append(left)
        if left:
            other = "{THERE}" if self.id == "{HERE}" else "{HERE}"
            self.send_after(timedelta(days=1), Clock.at(other), left - 1)
""".replace("{HERE}", HERE).replace("{THERE}", THERE)
BATCH: Final = ("--input", "in.jsonl", "--until-idle", "--fire-timers")
LINES: Final = [
    *({"to": f"test/clock/{id}", "type": "io.statefun.types/string", "value": "start"} for id in (HERE, THERE)),
    {"to": f"test/clock/{HERE}", "type": "io.statefun.types/long", "value": 9, "after": "P90D"},
]
HOPS: Final = {HERE: [9, 7, 5, 3, 1], THERE: [8, 6, 4, 2, 0]}


def test_delayed_messages_are_fired_in_their_order_across_partitions(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    write_lines(tmp_path / "in.jsonl", *LINES)
    options = ("app.py", "--partitions", "2", *BATCH, "--store", "bank.db")
    reported = summary(*options, folder=tmp_path, deadline=LONG)
    assert (reported["ended"], reported["timers_pending"]) == ("idle", 0)
    assert reported["virtual_seconds"] == pytest.approx(99 * 86_400, abs=60)
    assert reported["seconds"] < LONG
    for id, hops in HOPS.items():
        shown = run("state", "app.py", f"test/clock/{id}", "--store", "bank.db", folder=tmp_path).stdout
        assert re.search(r"ticks +19[78]\n", shown), shown
        assert f"[{','.join(map(str, hops))}]" in shown


def test_a_partition_that_is_killed_goes_on_in_the_same_time(tmp_path: Path) -> None:
    write_lines(tmp_path / "in.jsonl", *LINES)
    with Running(tmp_path, 2, *BATCH, app=APP) as running:
        clock = SharedClock(clock_in(running.store))
        wait_for(lambda: clock.ahead_ms > 0)
        running.kill(running.pid_of(1))
        assert running.process.wait(LONG) == 0
        days = re.search(r"Virtual time has run ([\d.]+) days ahead\.", running.logged())
        assert days is not None
        assert float(days[1]) == pytest.approx(99, abs=0.2)
        clock.close()
    for id, hops in HOPS.items():
        shown = run("state", "app.py", f"test/clock/{id}", "--store", "bank.db", folder=tmp_path).stdout
        assert f"[{','.join(map(str, hops))}]" in shown


def test_all_processes_see_a_jump_at_once(tmp_path: Path) -> None:
    clock = new_clock(tmp_path)
    other = SharedClock(clock_in(tmp_path))
    due = clock.now_ms() + 1_000_000
    clock.jump_to(due)
    assert due <= other.now_ms() <= due + 60_000
    assert other.ahead_ms == pytest.approx(1_000_000, abs=1_000)
    clock.jump_to(due - 5_000)  # it never goes back
    assert other.now_ms() >= due
    again = new_clock(tmp_path)
    assert (again.ahead_ms, other.ahead_ms > 0) == (0, True)
    for each in (clock, other, again):
        each.close()
