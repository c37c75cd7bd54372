"""An application of several files, one with fields that a test chooses, its cluster's folder and its savepoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner

from statefun_actors.cli import main
from tests.cluster.command import FlinkCommand

APP = """
from datetime import timedelta
from statefun_actors import DeadLetter, Entity, handles, kafka_record, message, persisted

@message("shop/add")
class Add:
    what: str

class Cart(Entity, typename="shop/cart"):
{fields}

    @handles(Add)
    def add(self, message: Add) -> None:
{code}
        fields = {{name: getattr(self, name) for name in {names}}}
        self.send_egress("shop/told", kafka_record(topic="told", key=self.id, value=repr(fields)))
"""

FIRST = """
    total: int = persisted(default=0)
    items: list[str] = persisted(factory=list)
    note: str = persisted(default="")
"""


class Shop:
    """The application, its cluster's folder and its savepoints."""

    def __init__(self, folder: Path, cluster: Path | None = None) -> None:
        self.app, self.cluster, self.savepoints = folder / "shop", cluster or folder / "cluster", folder / "savepoints"
        self.app.mkdir(exist_ok=True)

    def write(self, fields: str, code: str, more: str = "") -> str:
        names = [line.split(":")[0].strip() for line in fields.splitlines() if ":" in line]
        text = APP.format(fields=fields, code=f"        {code}", names=names) + more
        (self.app / "shop.py").write_text(text, encoding="utf-8")
        return str(self.app)

    def arguments(self, fields: str, code: str, more: str = "") -> Sequence[str]:
        return self.write(fields, code, more), "--kafka", "--checkpoint-interval", "500ms"

    def refused(self, *arguments: str) -> str:
        """The error of the command, which must fail before its cluster starts. Use it once a test: APP is imported."""
        result = CliRunner().invoke(main, ["flink", *arguments, "--folder", str(self.cluster)])
        assert result.exit_code == 1, result.output
        return result.stderr

    def savepoint(self, flink: FlinkCommand, folder: Path) -> Path:
        """A savepoint in *folder* of the cluster, which goes on. Its command must be the one that *flink* started."""
        command = ["flink", "savepoint", str(self.app), str(folder), "--folder", str(self.cluster)]
        result = CliRunner().invoke(main, command)
        assert (result.exit_code, result.stderr) == (0, ""), flink.said
        (place,) = folder.iterdir()
        assert result.stdout == f"Savepoint  {place}\n"
        return place

    def copied_to(self, folder: Path) -> Shop:
        """The same, with a broker's log of its own."""
        copy = Shop(folder)
        shutil.copytree(self.app, copy.app, dirs_exist_ok=True)
        shutil.copytree(self.cluster, copy.cluster)
        shutil.copytree(self.savepoints, copy.savepoints)
        return copy

    def add(self, flink: FlinkCommand, *items: str) -> None:
        flink.produce(("shop.cart.add", id, json.dumps({"what": item}).encode()) for item in items for id in "ab")

    def told(self, flink: FlinkCommand, count: int) -> list[str]:
        """The records of cart a from the beginning: *count*, and as many are of cart b."""
        with flink.consumed("told") as told:
            flink.until(lambda: len(told.read()) >= 2 * count, f"{count} records of each")
            assert len(told.read().read()) == 2 * count
        return [value.decode() for key, value in told if key == "a"]
