"""A gateway whose brokers don't answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx

from tests.gateway.session import APP, gateway_of

DEPOSIT = {"content-type": "application/vnd.bank/deposit"}


def test_it_is_not_ready_and_takes_nothing_while_no_broker_answers(tmp_path: Path) -> None:
    module = tmp_path / "module.yaml"
    printed = subprocess.run(
        [
            sys.executable, "-m", "statefun_actors", "module", str(APP), "--url", "http://app:8000",
            "--kafka", "127.0.0.1:1", "--gateway",
        ],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    module.write_text(printed.stdout)

    with gateway_of(module) as gateway:
        ready = httpx.get(f"{gateway.url}/readyz")
        waits = httpx.post(f"{gateway.url}/ingress/bank/account/a?wait=5s", json={"cents": 1}, headers=DEPOSIT)
        taken = httpx.post(f"{gateway.url}/ingress/bank/account/a", json={"cents": 1}, headers=DEPOSIT, timeout=60)
        log = gateway.log()

    why = "the topic app.gateway.answers of the answers can't be read now"
    assert (ready.status_code, ready.text) == (503, f"not ready: {why}\n")
    assert (waits.status_code, waits.text) == (503, f"not taken, send it again: {why}\n")
    assert (taken.status_code, taken.text) == (
        503,
        "it is not known whether the message was taken: send it again only under the same Idempotency-Key: "
        "no broker of 127.0.0.1:1 acknowledged it within 10 s\n",
    )
    assert f"Warning: not ready yet: {why}; it goes on trying." in log.splitlines()
