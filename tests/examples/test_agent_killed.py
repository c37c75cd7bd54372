"""The agent example under kills: no turn is lost, and each purchase happens once."""

from __future__ import annotations

import functools
import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from agent import Session, Turn
from stub_model import Model

from statefun_actors.admin import read_entities
from tests.crash.killable import Killable
from tests.examples.under_kills import Approver, run_under_kills

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
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_lose_no_turn_and_repeat_no_purchase(tmp_path: Path, kills: int) -> None:
    model = Model(0, failures=0.3, slowness=0.02)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    chance = random.Random(2)
    sessions = [f"s{number}" for number in range(SESSIONS_A_LIFE * (kills + 1))]
    said: Counter[int] = Counter()
    approver = Approver(tmp_path / "approvals.jsonl", "session", "agent/approval")

    def speak(run: Killable, ids: list[str]) -> None:
        for id in ids:
            for at, text in enumerate(TEXTS):
                said[run.post(f"/ingress/agent/session/{id}?type=agent/say", {"text": text}, f"{id}-{at}")] += 1

    egress = f"--egress=agent/approvals={tmp_path / 'approvals.jsonl'}"
    try:
        with Killable(tmp_path, AGENT, egress, env={"MODEL": f"http://127.0.0.1:{model.server_address[1]}"}) as run:
            clients = [functools.partial(speak, run, sessions[at::2]) for at in range(2)]
            kill_at = [SESSIONS_A_LIFE * len(TEXTS) * kill + 1 for kill in range(kills)]
            run_under_kills(run, clients, approver, said, kill_at, lambda: _idle(tmp_path, len(sessions)), chance)
    finally:
        model.shutdown()
        model.server_close()

    found = dict(read_entities(tmp_path / "store.db", Session))
    assert said == {202: len(sessions) * len(TEXTS)}
    assert {id: tuple(session.turns) for id, session in found.items()} == dict.fromkeys(sessions, TURNS)
    assert list(model.purchases.values()) == ["a pen"] * len(sessions)
    assert approver.approved == set(sessions)


def _idle(folder: Path, count: int) -> bool:
    found = dict(read_entities(folder / "store.db", Session))
    return len(found) == count and all(len(session.turns) == len(TURNS) for session in found.values())
