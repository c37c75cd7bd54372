"""The walk of the documentation's page on the gateway, on a real cluster."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from statefun_actors.cluster.reserved_ports import ReservedPort
from tests.cluster.command import need_flink, started
from tests.docs.walking import ENVIRONMENT, blocks
from tests.gateway.session import GatewayProcess

pytestmark = [pytest.mark.flink, pytest.mark.kafka, pytest.mark.xdist_group("tests.cluster.test_flink_command")]

PAGE = Path(__file__).resolve().parents[2] / "statefun_actors" / "docs" / "gateway.md"


def test_the_commands_of_the_page_print_what_it_shows(tmp_path: Path) -> None:
    need_flink()
    shown = {block.file: block.text for block in blocks(PAGE.read_text(encoding="utf-8"))}
    (tmp_path / "account.py").write_text(shown["account.py"], encoding="utf-8")
    program, command, *arguments = shlex.split(shown["cluster"])
    assert (program, command) == ("statefun-actors", "flink")
    app, *options = arguments
    assert shlex.split(shown["job-that-takes-a-store"]) == [program, command, *arguments, "--accept-restore"]
    cluster = tmp_path / ".statefun" / "flink" / "account"
    cluster.parent.mkdir(parents=True)
    port = ReservedPort()

    def run(*command: str, text: str) -> str:
        text = text.replace(":8080", f":{port.number}")
        done = subprocess.run(
            [*command, text], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with started(str(tmp_path / app), *options, "--accept-restore", folder=cluster) as flink:
        program, command, app, option, module = shlex.split(shown["gateway"])
        assert (program, command, option) == ("statefun-actors", "gateway", "--module")
        port.release()
        gateway = GatewayProcess(tmp_path / module, app=tmp_path / app, port=port.number)
        try:
            assert run("bash", "-euc", text=shown["client"]).splitlines() == shown["shown"].splitlines()
            assert run(sys.executable, "-c", text=shown["program"]) == shown["printed"]
            run("bash", "-euc", text=shown["store"])
            moved = run("bash", "-euc", text=shown["move"].replace("localhost:9092", flink.facts["kafka"]))
            assert moved == shown["moved"].replace("localhost:9092", flink.facts["kafka"])
            assert run("bash", "-euc", text=shown["after"]) == shown["after-the-move"].rstrip("\n")
        finally:
            gateway.close()
