"""An application that changes between runs of a real cluster: the state that it resumes with, and refusals.

Three clusters serve all tests here, each resuming from the state of the one before.
"""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Final

import attrs
import pytest

from tests.cluster.command import is_alive, need_flink, started, wait_gone
from tests.cluster.shop import FIRST, Shop

pytestmark = [
    pytest.mark.flink,
    pytest.mark.xdist_group(__name__),  # clusters of its own, one after the other
    pytest.mark.needs("linux"),  # looks for processes in /proc
]

SECOND = """
    count: int = persisted(default=0, name="total")
    items: list[str] = persisted(factory=list)
    owner: str | None = persisted(default=None)
    page: str = persisted(default="", expire_after_write=timedelta(milliseconds=1))
    login: str = persisted(default="", expire_after_call=timedelta(days=9))
"""
NEW_CLASS = """

class Audit(Entity, typename="audit/log", on_failure=DeadLetter("shop/dead-letters")):
    @handles(Add)
    def add(self, message: Add) -> None:
        self.send_egress("shop/told", message)  # not a record
"""
ANOTHER_TYPE = SECOND.replace('int = persisted(default=0, name="total")', 'str = persisted(default="", name="total")')
EXPIRING = SECOND.replace("factory=list", "factory=list, expire_after_write=timedelta(days=1)")
UPGRADE = (SECOND, "self.count += 1; self.items.append(message.what); self.owner = self.id", NEW_CLASS)


EXPIRES: Final = """
    page: str = persisted(default="", expire_after_write=timedelta(days=1))
    login: str = persisted(default="", expire_after_write=timedelta(days=1))
"""
"""Fields that expire at another time after the upgrade: one has expired then, the other one has not."""
BEFORE: Final = "'page': 'set', 'login': 'set'}"
AFTER: Final = "'page': '', 'login': 'set'}"


@attrs.frozen
class Refusal:
    """Fields that Flink refuses to resume with: the reason in the lock's words, and Flink's own error."""

    fields: str
    reason: str
    error: str


REFUSALS: Final = {
    "another type": Refusal(
        ANOTHER_TYPE,
        "state 'total' was io.statefun.types/long and is io.statefun.types/string now",
        "RemoteValueTypeMismatchException: Previous type was: TypeName(io.statefun.types, long)",
    ),
    "a time to live": Refusal(
        EXPIRING,
        "state 'items' was never expiring and is after-write 1d now",
        "StateMigrationException: The new state serializer",
    ),
}


@attrs.frozen
class Upgraded:
    """A shop that resumed from a savepoint with other fields and one more class, in two TaskManagers, and was killed.

    ``said`` and ``pids`` are of the killed command. ``live`` is a savepoint of the first cluster, which went on.
    """

    shop: Shop
    live: Path
    told: list[str]
    letters: list[tuple[str, bytes]]
    said: str
    pids: dict[str, int]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    need_flink()
    shop = Shop(tmp_path_factory.mktemp("shop"))
    handle = "self.total += 1; self.items.append(message.what); self.note = 'noted'; self.page = self.login = 'set'"
    first = shop.arguments(FIRST + EXPIRES, handle)
    with started(*first, "--savepoint", str(shop.savepoints), folder=shop.cluster) as flink:
        shop.add(flink, "x", "y")
        shop.told(flink, 2)
        live = shop.savepoint(flink, shop.savepoints.with_name("live"))
        shop.add(flink, "z")  # handled only after the second savepoint, perhaps
        code, output = flink.stop()
        assert code == 0, flink.said
        assert output.splitlines()[-1].startswith(f"Savepoint  {shop.savepoints}/savepoint-")
    two = ("--parallelism", "2", "--task-managers", "2")
    second = (*shop.arguments(*UPGRADE), "--from-savepoint", str(shop.savepoints), *two)
    with started(*second, folder=shop.cluster) as flink, flink.consumed("dead-letters") as letters:
        shop.add(flink, "w")
        flink.produce([("audit.log.add", "ada", b'{"what": "tea"}')])
        told = shop.told(flink, 4)
        flink.until(lambda: bool(letters.read()), "a dead letter")
        flink.until_logged("WARNING")
        pids = {"the command": flink.pid, **flink.pids}
        flink.stop(signal.SIGKILL)
        wait_gone(pids.values())
        return Upgraded(shop, live, told, list(letters), flink.said, pids)


def test_fields_that_come_go_expire_at_another_time_or_are_renamed_keep_what_is_kept(upgraded: Upgraded) -> None:
    told = upgraded.told

    assert told[:2] == [
        "{'total': 1, 'items': ['x'], 'note': 'noted', " + BEFORE,
        "{'total': 2, 'items': ['x', 'y'], 'note': 'noted', " + BEFORE,
    ]
    assert told[2] in {
        "{'total': 3, 'items': ['x', 'y', 'z'], 'note': 'noted', " + BEFORE,
        "{'count': 3, 'items': ['x', 'y', 'z'], 'owner': 'a', " + AFTER,
    }
    assert told[3:] == ["{'count': 4, 'items': ['x', 'y', 'z', 'w'], 'owner': 'a', " + AFTER]


def test_a_bare_value_for_kafka_fails_its_message_and_not_the_job(upgraded: Upgraded) -> None:
    ((key, value),) = upgraded.letters
    letter = json.loads(value)

    assert (key, letter["value"]) == ("audit/log/ada", {"what": "tea"})
    assert "kafka_record" in letter["error"]
    assert upgraded.said == (
        "Warning: Cart (shop/cart) has no failure policy: a message that keeps failing stops the Flink job.\n"
        "Give them on_failure=DeadLetter(...) or Discard(...), or all of them --dead-letters NS/NAME.\n"
        "Starting the cluster.\nWARNING statefun_actors.dispatch: "
        "audit/log/ada: dead letter of type shop/add after 3 attempts: "
        "ValueMismatchError: expected kafka_record(...) or kinesis_record(...), the only values that the egress "
        "shop/told takes, got a Add\n"
    )


def test_a_savepoint_of_a_job_that_goes_on_has_what_a_later_run_is_checked_against(upgraded: Upgraded) -> None:
    (stopped,) = upgraded.shop.savepoints.iterdir()
    names = {
        "_metadata", "statefun-actors-kafka.json", "statefun-actors-module.yaml", "statefun-actors-states.yaml"
    }  # fmt: skip
    assert names <= {path.name for path in upgraded.live.iterdir()}
    for name in names - {"_metadata"}:
        assert (upgraded.live / name).read_bytes() == (stopped / name).read_bytes()

    error = upgraded.shop.refused(
        *upgraded.shop.arguments(ANOTHER_TYPE, "pass"), "--from-savepoint", str(upgraded.live)
    )

    assert error.startswith(f"Error: cannot resume from {upgraded.live}:\n  - shop/cart: state 'total' was ")


def test_no_process_outlives_a_killed_command(upgraded: Upgraded) -> None:  # the fixture waits for their ends
    assert set(upgraded.pids) == {
        "the command", "Endpoint", "JobManager", "TaskManager 1", "TaskManager 2", "Kafka"
    }  # fmt: skip
    assert not [name for name, pid in upgraded.pids.items() if is_alive(pid)]


def test_an_ingress_that_does_not_know_how_far_its_topics_have_been_read_is_refused(
    upgraded: Upgraded, tmp_path: Path
) -> None:
    shop = upgraded.shop
    (savepoint,) = shop.savepoints.iterdir()
    text = (savepoint / "statefun-actors-module.yaml").read_text(encoding="utf-8")
    (tmp_path / "module.yaml").write_text(text.replace("shop/messages", "shop/in"), encoding="utf-8")
    app = shop.write(SECOND, "pass")

    error = shop.refused(app, "--module", str(tmp_path / "module.yaml"), "--from-savepoint", str(savepoint))

    assert error == (
        f"Asking the brokers.\nError: cannot resume from {savepoint}:\n"
        "  - topic shop.cart.add was read by the ingress shop/messages and is read by shop/in now, which has no "
        "position in it: its records would be processed twice. Name the ingress shop/messages in a --module FILE.\n"
    )


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_changes_that_flink_would_refuse_are_found_by_the_lock(upgraded: Upgraded, refusal: Refusal) -> None:
    shop = upgraded.shop

    error = shop.refused(
        *shop.arguments(refusal.fields, "self.owner = 'new'"), "--from-savepoint", str(shop.savepoints)
    )

    assert error.startswith(f"Error: cannot resume from {shop.savepoints}/savepoint-")
    assert f":\n  - shop/cart: {refusal.reason}, which Flink refuses" in error


def test_a_killed_cluster_resumes_from_its_last_checkpoint_and_flink_refuses_what_the_lock_says(
    upgraded: Upgraded, tmp_path: Path
) -> None:
    shop = upgraded.shop.copied_to(tmp_path)
    with started(*shop.arguments(*UPGRADE), "--resume", folder=shop.cluster) as flink:
        shop.add(flink, "v")
        told = shop.told(flink, 5)
        os.kill(flink.pids["TaskManager 1"], signal.SIGKILL)  # another one restores the states of the last checkpoint
        for refusal in REFUSALS.values():
            shop.write(refusal.fields, "self.owner = 'new'", NEW_CLASS)
            os.kill(flink.pids["Endpoint"], signal.SIGKILL)  # another one serves the changed fields
            shop.add(flink, "u")
            flink.until_logged(refusal.error)
        os.kill(flink.pids["JobManager"], signal.SIGKILL)
        assert flink.ended() == 1
        said = flink.said

    resumed = re.search(r"Resuming from the checkpoint (.*/chk-\d+), completed ", said)
    assert resumed is not None, said
    assert (shop.cluster.parent / resumed[1] / "_metadata").is_file()
    assert told == [*upgraded.told, "{'count': 5, 'items': ['x', 'y', 'z', 'w', 'v'], 'owner': 'a', " + AFTER]
    assert "Error: JobManager was killed by signal 9. Its log, " in said
    last = (
        rf"  Start it again with --resume: it goes on from the checkpoint {re.escape(str(shop.cluster))}/.*/chk-\d+, "
    )
    assert re.search(rf"^{last}completed .* UTC\.$", said, re.MULTILINE), said
    error = shop.refused(*shop.arguments(ANOTHER_TYPE, "pass"), "--from-savepoint", resumed[1])
    assert error.startswith(f"Error: cannot resume from {resumed[1]}:\n  - shop/cart: state 'total' was ")
