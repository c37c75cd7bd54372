"""The device fleet as a process: it is killed while devices send; no alarm is lost or doubled. And its replay."""

from __future__ import annotations

import functools
import json
import random
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fleet import Device

from statefun_actors.admin import read_entities
from tests.crash.killable import Killable, wait_for

FOLDER = Path(__file__).parents[2] / "examples" / "fleet"
START = datetime(2026, 3, 1, tzinfo=UTC)
DEVICES = [f"roof-{number}" for number in range(4)]
READINGS = 25
KILLS = 4


def test_kills_lose_and_double_no_alarm(tmp_path: Path) -> None:
    chance = random.Random(5)
    answered: Counter[int] = Counter()

    def send(run: Killable, device: str) -> None:
        for number in range(READINGS):
            reading = {
                "value": number,
                "measured": (START + number * timedelta(hours=1)).isoformat(),
                "every": "PT0.2S",
            }
            answered[run.post(f"/ingress/fleet/device/{device}?type=fleet/reading", reading, f"{device}-{number}")] += 1

    with Killable(tmp_path, FOLDER / "fleet.py", f"--egress=fleet/alarms={tmp_path / 'alarms.jsonl'}") as run:
        devices = [threading.Thread(target=functools.partial(send, run, device)) for device in DEVICES]
        for thread in devices:
            thread.start()
        for kill in range(KILLS):
            wait_for(functools.partial(_at_least, answered, (kill + 1) * len(DEVICES) * READINGS // (KILLS + 1)))
            threading.Event().wait(chance.uniform(0.0, 0.3))
            run.kill()
            run.start()
        for thread in devices:
            thread.join()
        wait_for(lambda: _all_silent(tmp_path), pause=0.1)
        assert run.stop() == 0

    found = dict(read_entities(tmp_path / "store.db", Device))
    alarms = [json.loads(line)["value"] for line in (tmp_path / "alarms.jsonl").read_text().splitlines()]
    assert answered == {202: len(DEVICES) * READINGS}
    assert {name: device.readings for name, device in found.items()} == dict.fromkeys(DEVICES, READINGS)
    for name, device in found.items():
        states = [alarm["state"] for alarm in alarms if alarm["of"] == name]
        assert states == [*["silent", "recovered"] * (device.outages - 1), "silent"]


def test_the_replay_goes_on_where_it_was_and_prints_the_new_alarms(tmp_path: Path) -> None:
    """On a busy machine readings are late, and raise alarms of their own: how many there are is not fixed."""

    def replay(first: int, last: int) -> list[str]:
        days = ["--first", str(first), "--last", str(last), "--speed", "40"]
        command = [sys.executable, str(FOLDER / "replay.py"), *days]
        ended = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=240)
        return ended.stdout.splitlines()

    def alarms() -> list[tuple[str, str]]:
        lines = (tmp_path / ".statefun" / "alarms.jsonl").read_text().splitlines()
        return [(alarm["of"], alarm["state"]) for alarm in (json.loads(line)["value"] for line in lines)]

    replay(25, 25)
    before = len(alarms())
    printed = replay(25, 26)

    assert printed[0].startswith("Console: http://127.0.0.1:")
    assert {line.split()[1] for line in printed if " readings " in line} == {"43"}
    shown = [_alarm(line) for line in printed[1:] if " readings " not in line]
    assert shown == alarms()[before : before + len(shown)]
    by_name: dict[str, list[str]] = {}
    for name, state in alarms():
        by_name.setdefault(name, []).append(state)
    assert by_name
    for states in by_name.values():
        assert states == [("silent", "recovered")[at % 2] for at in range(len(states))]


def _alarm(printed: str) -> tuple[str, str]:
    """The alarm in a line such as ``Oct 26 05:00  JFK silent``, perhaps with more after a comma."""
    of, state = printed.split("  ", 1)[1].partition(",")[0].split()
    return of, state


def _at_least(answered: Counter[int], count: int) -> bool:
    return sum(answered.values()) >= count


def _all_silent(folder: Path) -> bool:
    found: dict[str, Any] = dict(read_entities(folder / "store.db", Device))
    return len(found) == len(DEVICES) and all(it.silent and it.readings == READINGS for it in found.values())
