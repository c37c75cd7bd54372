"""Applications that change between savepoints of a real Flink: what it goes on with, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cluster.command import START_SECONDS, FlinkCommand, need_flink, started, wait_gone

pytestmark = [
    pytest.mark.flink,
    pytest.mark.xdist_group(__name__),  # clusters of its own, one after the other
]

APP = """
from datetime import timedelta
from statefun_actors import Entity, handles, kafka_record, message, persisted

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
SECOND = """
    count: int = persisted(default=0, name="total")
    items: list[str] = persisted(factory=list)
    owner: str | None = persisted(default=None)
"""
NEW_CLASS = """

class Audit(Entity, typename="audit/log"):
    @handles(Add)
    def add(self, message: Add) -> None:
        pass
"""
ANOTHER_TYPE = SECOND.replace('int = persisted(default=0, name="total")', 'str = persisted(default="", name="total")')
EXPIRING = SECOND.replace("factory=list", "factory=list, expire_after_write=timedelta(days=1)")


class Shop:
    """The application, its cluster's folder and its savepoints."""

    def __init__(self, folder: Path) -> None:
        self.cluster, self.savepoints = folder / "cluster", folder / "savepoints"
        self._app = folder / "shop.py"

    def write(self, fields: str, code: str, more: str = "") -> str:
        names = [line.split(":")[0].strip() for line in fields.splitlines() if ":" in line]
        text = APP.format(fields=fields, code=f"        {code}", names=names) + more
        self._app.write_text(text, encoding="utf-8")
        return str(self._app)

    def arguments(self, fields: str, code: str, more: str = "") -> Sequence[str]:
        return self.write(fields, code, more), "--kafka", "--checkpoint-interval", "200ms"

    def run(self, *arguments: str) -> str:
        """What the command says that must fail before its cluster runs."""
        command = [sys.executable, "-m", "statefun_actors", "flink", *arguments, "--folder", str(self.cluster)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
        assert ended.returncode == 1, ended
        return ended.stderr

    def copied_to(self, folder: Path) -> Shop:
        """The same, with a broker's log of its own."""
        copy = Shop(folder)
        shutil.copytree(self.cluster, copy.cluster)
        shutil.copytree(self.savepoints, copy.savepoints)
        return copy

    def forget_locks(self) -> None:
        for path in self.savepoints.glob("*/statefun-actors-states.yaml"):
            path.unlink()

    def add(self, flink: FlinkCommand, *items: str) -> None:
        flink.produce(("shop.cart.add", id, json.dumps({"what": item}).encode()) for item in items for id in "ab")

    def told(self, flink: FlinkCommand, count: int) -> list[str]:
        """All that cart a has told since the beginning, *count* records of it and as many of b."""
        with flink.consumed("told") as told:
            flink.until(lambda: len(told.read()) >= 2 * count, f"{count} records of each")
            assert len(told.read().read()) == 2 * count
        return [value.decode() for key, value in told if key == "a"]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, list[str]]:
    """A shop that has gone on from a savepoint with other fields and one more class; and what its cart a has told."""
    need_flink()
    shop = Shop(tmp_path_factory.mktemp("shop"))
    saving = ("--savepoint", str(shop.savepoints))
    first = shop.arguments(FIRST, "self.total += 1; self.items.append(message.what); self.note = 'noted'")
    with started(*first, *saving, folder=shop.cluster) as flink:
        shop.add(flink, "x", "y")
        shop.told(flink, 2)
        shop.add(flink, "z")  # told only after the savepoint, perhaps
        code, output = flink.stop()
        assert code == 0, flink.said
        assert output.splitlines()[-1].startswith(f"Savepoint  {shop.savepoints}/savepoint-")
    second = shop.arguments(SECOND, "self.count += 1; self.items.append(message.what); self.owner = self.id", NEW_CLASS)
    with started(*second, *saving, "--from-savepoint", str(shop.savepoints), folder=shop.cluster) as flink:
        shop.add(flink, "w")
        told = shop.told(flink, 4)
        code, _ = flink.stop()
        assert code == 0, flink.said
    return shop, told


def test_fields_that_come_go_and_are_renamed_keep_what_is_kept(upgraded: tuple[Shop, list[str]]) -> None:
    _, told = upgraded

    assert told[:2] == [
        "{'total': 1, 'items': ['x'], 'note': 'noted'}",
        "{'total': 2, 'items': ['x', 'y'], 'note': 'noted'}",
    ]
    assert told[2] in {
        "{'total': 3, 'items': ['x', 'y', 'z'], 'note': 'noted'}",
        "{'count': 3, 'items': ['x', 'y', 'z'], 'owner': 'a'}",
    }
    assert told[3:] == ["{'count': 4, 'items': ['x', 'y', 'z', 'w'], 'owner': 'a'}"]


def test_an_ingress_that_does_not_know_how_far_its_topics_have_been_read_is_refused(
    upgraded: tuple[Shop, list[str]], tmp_path: Path
) -> None:
    shop = upgraded[0].copied_to(tmp_path)
    savepoint = min(shop.savepoints.iterdir(), key=lambda path: (path / "_metadata").stat().st_mtime_ns)
    text = (savepoint / "statefun-actors-module.yaml").read_text(encoding="utf-8")
    (tmp_path / "module.yaml").write_text(text.replace("shop/messages", "shop/in"), encoding="utf-8")
    app = shop.write(SECOND, "pass")

    told = shop.run(app, "--module", str(tmp_path / "module.yaml"), "--from-savepoint", str(savepoint))

    assert told == (
        f"Error: cannot resume from {savepoint}:\n"
        "  - topic shop.cart.add was read by the ingress shop/messages and is read by shop/in now, which has no "
        "position in it: its records would be processed twice. Name the ingress shop/messages in a --module FILE.\n"
    )


def test_a_cluster_that_was_killed_is_resumed_from_its_last_checkpoint_which_stays(tmp_path: Path) -> None:
    need_flink()
    shop = Shop(tmp_path)
    arguments = shop.arguments(FIRST, "self.total += 1")
    with started(*arguments, folder=shop.cluster) as flink:
        shop.add(flink, "x", "y")
        shop.told(flink, 2)
        pids = [flink.pid, *flink.pids.values()]
    wait_gone(pids)

    with started(*arguments, "--resume", folder=shop.cluster) as flink:
        shop.add(flink, "z")
        told = shop.told(flink, 3)
        said = flink.said
        flink.stop()

    resumed = re.search(r"Resuming from the checkpoint (.*/chk-\d+), completed ", said)
    assert resumed is not None, said
    assert (shop.cluster.parent / resumed[1] / "_metadata").is_file()
    assert told == [f"{{'total': {n}, 'items': [], 'note': ''}}" for n in (1, 2, 3)]
    changed = shop.run(*shop.arguments(ANOTHER_TYPE, "pass"), "--from-savepoint", resumed[1])
    assert changed.startswith(f"Error: cannot resume from {resumed[1]}:\n  - shop/cart: state 'total' was ")


@pytest.mark.parametrize(
    ("fields", "found", "refused"),
    [
        (
            ANOTHER_TYPE,
            "state 'total' was io.statefun.types/long and is io.statefun.types/string now",
            "RemoteValueTypeMismatchException: Previous type was: TypeName(io.statefun.types, long)",
        ),
        (
            EXPIRING,
            "state 'items' was never expiring and is after-write 1d now",
            "StateMigrationException: The new state serializer",
        ),
    ],
    ids=["another type", "a time to live"],
)
def test_what_the_lock_tells_flink_refuses(
    upgraded: tuple[Shop, list[str]], tmp_path: Path, fields: str, found: str, refused: str
) -> None:
    shop = upgraded[0].copied_to(tmp_path)
    arguments = (*shop.arguments(fields, "self.owner = 'new'"), "--from-savepoint", str(shop.savepoints))
    told = shop.run(*arguments)
    shop.forget_locks()
    with started(*arguments, folder=shop.cluster) as flink:
        shop.add(flink, "v")
        flink.until(lambda: refused in flink.said, "Flink to refuse it")
        flink.stop()

    assert told.startswith(f"Error: cannot resume from {shop.savepoints}/savepoint-")
    assert f":\n  - shop/cart: {found}, which Flink refuses" in told
