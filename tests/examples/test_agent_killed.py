"""The agent example under kills: no turn is lost, and each purchase happens once."""

from __future__ import annotations

import functools
import json
import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from agent import Session, Turn
from stub_model import Model

from statefun_actors.admin import read_entities
from tests.crash.killable import DEADLINE, Killable, wait_for

AGENT = Path(__file__).parents[2] / "examples" / "agent" / "agent.py"
SESSIONS_A_LIFE = 2
TEXTS = ("hello", "weather in Rome", "buy a pen", "good night")
TURNS = (
    Turn("user", "hello"),
    Turn("assistant", "You said: hello"),
    Turn("user", "weather in Rome"),
    Turn("tool", "sunny in Rome"),
    Turn("assistant", "It is done: sunny in Rome"),
    Turn("user", "buy a pen"),
    Turn("tool", "bought a pen"),
    Turn("assistant", "It is done: bought a pen"),
    Turn("user", "good night"),
    Turn("assistant", "You said: good night"),
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_lose_no_turn_and_repeat_no_purchase(tmp_path: Path, kills: int) -> None:
    model = Model(0, failures=0.3, slowness=0.02)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    chance = random.Random(2)
    sessions = [f"s{number}" for number in range(SESSIONS_A_LIFE * (kills + 1))]
    said: Counter[int] = Counter()
    approved: set[str] = set()
    over = threading.Event()

    def speak(run: Killable, ids: list[str]) -> None:
        for id in ids:
            for at, text in enumerate(TEXTS):
                said[run.post(f"/ingress/agent/session/{id}?type=agent/say", {"text": text}, f"{id}-{at}")] += 1

    def approve(run: Killable) -> None:
        while not over.is_set():
            for session, link in links(run.folder).items():
                if session not in approved:
                    status = run.post(f"{link}?type=agent/approval", {"approved": True}, f"approve-{session}")
                    assert status == 202
                    approved.add(session)
            over.wait(0.05)

    egress = f"--egress=agent/approvals={tmp_path / 'approvals.jsonl'}"
    try:
        with Killable(tmp_path, AGENT, egress, env={"MODEL": f"http://127.0.0.1:{model.server_address[1]}"}) as run:
            threads = [threading.Thread(target=speak, args=(run, sessions[at::2])) for at in range(2)]
            threads.append(threading.Thread(target=approve, args=(run,)))
            for thread in threads:
                thread.start()
            for kill in range(kills):
                # Spread over the sessions: each life takes some, however slow the machine is.
                wait_for(functools.partial(_said, said, SESSIONS_A_LIFE * len(TEXTS) * kill + 1))
                over.wait(chance.uniform(0.0, 0.3))
                run.kill()
                run.start()
            for thread in threads[:2]:
                thread.join(DEADLINE)
            wait_for(lambda: _idle(tmp_path, len(sessions)))
            over.set()
            threads[2].join(DEADLINE)
            assert run.stop() == 0
    finally:
        over.set()
        model.shutdown()
        model.server_close()

    found = dict(read_entities(tmp_path / "store.db", Session))
    assert said == {202: len(sessions) * len(TEXTS)}
    assert {id: tuple(session.turns) for id, session in found.items()} == dict.fromkeys(sessions, TURNS)
    assert list(model.purchases.values()) == ["a pen"] * len(sessions)
    assert approved == set(sessions)


def links(folder: Path) -> dict[str, str]:
    """The link for the approval of each session that has asked for one."""
    text = (folder / "approvals.jsonl").read_text() if (folder / "approvals.jsonl").exists() else ""
    requests = [json.loads(line)["value"] for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return {request["session"]: request["link"] for request in requests}


def _said(said: Counter[int], count: int) -> bool:
    return sum(said.values()) >= count


def _idle(folder: Path, count: int) -> bool:
    found = dict(read_entities(folder / "store.db", Session))
    return len(found) == count and all(len(session.turns) == len(TURNS) for session in found.values())
