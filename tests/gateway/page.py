"""The documentation's page on the gateway, walked on a cluster that runs."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from statefun_actors.cluster.reserved_ports import ReservedPort
from tests.docs.walking import ENVIRONMENT, blocks
from tests.gateway.session import GatewayProcess

_PAGE: Final = Path(__file__).resolve().parents[2] / "statefun_actors" / "docs" / "gateway.md"
_SECONDS: Final = 120


def shown() -> dict[str, str]:
    """Its named blocks."""
    return {block.file: block.text for block in blocks(_PAGE.read_text(encoding="utf-8"))}


def cluster_options() -> Sequence[str]:
    """Those of its clusters: of the first one, and of the one that takes a store, which has the same and one more."""
    program, command, app, *options = shlex.split(shown()["job-that-takes-a-store"])
    assert (program, command, app) == ("statefun-actors", "flink", "account.py")
    assert shlex.split(shown()["cluster"]) == [program, command, app, *options[:-1]]
    return options


def walk(folder: Path, cluster: Path, kafka: str) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """The lines that each of its commands prints, next to those that the page shows.

    They run in *folder*, with the module.yaml of the running *cluster*, a folder with the name that the page says, and
    the broker at *kafka*.
    """
    page = shown()
    program, command, app, option, module = shlex.split(page["gateway"])
    assert (program, command, option) == ("statefun-actors", "gateway", "--module")
    assert folder / module == cluster / "module.yaml"
    (folder / app).write_text(page["account.py"], encoding="utf-8")
    port = ReservedPort()
    port.release()

    def printed(*command: str, text: str) -> Sequence[str]:
        text = text.replace(":8080", f":{port.number}").replace("localhost:9092", kafka)
        done = subprocess.run(
            [*command, text], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    gateway = GatewayProcess(folder / module, app=folder / app, port=port.number)
    try:
        yield printed("bash", "-euc", text=page["client"]), page["shown"].splitlines()
        yield printed(sys.executable, "-c", text=page["program"]), page["printed"].splitlines()
        printed("bash", "-euc", text=page["store"])
        moved = printed("bash", "-euc", text=page["move"])
        yield moved, page["moved"].replace("localhost:9092", kafka).splitlines()
        yield printed("bash", "-euc", text=page["after"]), page["after-the-move"].splitlines()
    finally:
        gateway.close()
