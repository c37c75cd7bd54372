"""A gateway whose brokers don't answer, and mistakes in its command."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.cli.commands import run
from tests.gateway.session import APP, gateway_of, write_module

DEPOSIT = {"content-type": "application/vnd.bank/deposit"}


def test_it_is_not_ready_and_takes_nothing_while_no_broker_answers(tmp_path: Path) -> None:
    module = write_module(tmp_path, "127.0.0.1:1", "--gateway")

    with gateway_of(module) as gateway:
        ready = httpx.get(f"{gateway.url}/readyz")
        waits = httpx.post(f"{gateway.url}/ingress/bank/account/a?wait=5s", json={"cents": 1}, headers=DEPOSIT)
        taken = httpx.post(f"{gateway.url}/ingress/bank/account/a", json={"cents": 1}, headers=DEPOSIT, timeout=60)
        log = gateway.log()

    nobody, why = "no broker of 127.0.0.1:1", "the topic app.gateway.answers of the answers can't be read now"
    assert (ready.status_code, ready.text) == (503, f"not ready: {nobody} has answered yet\n")
    assert (waits.status_code, waits.text) == (503, f"not taken, send it again: {why}\n")
    assert (taken.status_code, taken.text) == (
        503,
        "it is not known whether the message was taken: send it again only under the same Idempotency-Key: "
        f"{nobody} acknowledged it within 10 s\n",
    )
    assert f"Warning: not ready yet: {nobody} has answered yet; it goes on trying." in log.splitlines()


PLAIN = """\
kind: io.statefun.endpoints.v2/http
spec: {functions: bank/*, urlPathTemplate: "http://app:8000/statefun"}
"""


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            [],
            "a gateway needs --module FILE, the module.yaml of the Flink job, written by `module --gateway`; a "
            "settings file may name it, too.",
        ),
        (["--module", "none.yaml"], "none.yaml can't be read: No such file or directory."),
        (
            ["--module", "module.yaml"],
            "module.yaml has no topic that a gateway could write to; write one with `statefun-actors module APP "
            "--gateway`.",
        ),
    ],
)
def test_a_mistake_in_the_command_is_explained(tmp_path: Path, options: list[str], error: str) -> None:
    (tmp_path / "module.yaml").write_text(PLAIN)

    done = run("gateway", str(APP), *options, folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].removeprefix("Error: ") == error.removeprefix("Error: ")
