"""``statefun-actors flink``: an application that changes between runs of a real cluster, whose processes are killed.

Three clusters serve all tests here, each resuming from the state of the one before.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from statefun_actors.deploy import parse_module
from tests.cluster.command import is_alive, need_flink, started, wait_gone
from tests.cluster.shop import Shop
from tests.cluster.upgrading import (
    AFTER,
    ANOTHER_TYPE,
    BEFORE,
    ORDERS,
    ORDERS_APP,
    REFUSALS,
    SECOND,
    UPGRADE,
    Killed,
    Refusal,
    refuse,
    run_first,
)
from tests.faults.app import TOLD
from tests.faults.orders import without_faults
from tests.gateway import page

pytestmark = [
    pytest.mark.flink,
    pytest.mark.kafka,
    pytest.mark.xdist_group(__name__),  # clusters of its own, one after the other
    pytest.mark.needs("linux"),  # looks for processes in /proc
]


@attrs.frozen
class Upgraded:
    """A shop that resumed from a savepoint with other fields and one more class, in two TaskManagers, and was killed.

    ``said`` and ``pids`` are of the killed command. ``live`` is a savepoint of the first cluster, which went on.
    ``orders``: what both clusters told of them.
    ``page``: what the commands of the gateway's page print, next to what it shows.
    """

    shop: Shop
    first: Killed
    live: Path
    orders: list[tuple[str, bytes]]
    told: list[str]
    letters: list[tuple[str, bytes]]
    page: list[tuple[Sequence[str], Sequence[str]]]
    said: str
    pids: dict[str, int]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    need_flink()
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(folder, folder / ".statefun" / "flink" / "account")
    shutil.copy(ORDERS_APP, shop.app / "orders.py")
    (shop.app / "account.py").write_text(page.shown()["account.py"], encoding="utf-8")
    first, live = run_first(shop)
    two = ("--parallelism", "2", "--task-managers", "2")
    second = (*shop.arguments(*UPGRADE), *page.cluster_options(), "--from-savepoint", str(shop.savepoints), *two)
    with started(*second, folder=shop.cluster) as flink, flink.consumed("dead-letters") as letters:
        refuse(flink, shop, REFUSALS["another type"], "w")
        flink.produce([("audit.log.add", "ada", b'{"what": "tea"}')])
        told = shop.told(flink, 4)
        with flink.consumed(TOLD) as orders:
            flink.until(lambda: len(orders.read()) >= ORDERS.told + ORDERS.reporting, "the states")
        flink.until(lambda: bool(letters.read()), "a dead letter")
        flink.until_logged("WARNING")
        walked = list(page.walk(folder, shop.cluster, flink.facts["kafka"]))
        pids = {"the command": flink.pid, **flink.pids}
        flink.stop(signal.SIGKILL)
        wait_gone(pids.values())
        return Upgraded(shop, first, live, list(orders), told, list(letters), walked, flink.said, pids)


async def test_after_any_kill_all_is_as_without_faults_and_nothing_is_left_behind(upgraded: Upgraded) -> None:
    first = upgraded.first

    assert ORDERS.outcome(upgraded.orders).differs_from(await without_faults(ORDERS)) == ""
    assert first.code == 0, first.said
    assert "ResourceWarning" not in first.said
    said_last = ["Endpoint", "Kafka", "Module", "Logs", "Flink", "Savepoint"]
    assert [line.split()[0] for line in first.output] == said_last
    assert first.output[-1].startswith(f"Savepoint  {upgraded.shop.savepoints}/savepoint-")
    for name in ("TaskManager 1", "Endpoint"):
        assert f"{name} ended, and was started again (process {first.after[name]})." in first.said
    wait_gone({*first.before.values(), *first.after.values()})


def test_the_commands_of_the_gateways_page_print_what_it_shows(upgraded: Upgraded) -> None:
    printed, shown = zip(*upgraded.page, strict=True)

    assert printed == shown


def test_fields_that_come_go_expire_at_another_time_or_are_renamed_keep_what_is_kept(upgraded: Upgraded) -> None:
    told = upgraded.told

    assert told == [
        "{'total': 1, 'items': ['x'], 'note': 'noted', " + BEFORE,
        "{'total': 2, 'items': ['x', 'y'], 'note': 'noted', " + BEFORE,
        "{'total': 3, 'items': ['x', 'y', 'z'], 'note': 'noted', " + BEFORE,
        "{'count': 4, 'items': ['x', 'y', 'z', 'w'], 'owner': 'a', " + AFTER,
    ]


def test_a_bare_value_for_kafka_fails_its_message_and_not_the_job(upgraded: Upgraded) -> None:
    ((key, value),) = upgraded.letters
    letter = json.loads(value)

    assert (key, letter["value"]) == ("audit/log/ada", {"what": "tea"})
    assert "kafka_record" in letter["error"]
    assert upgraded.said.startswith(
        "Warning: Stock (faults/stock) has no failure policy: a message that keeps failing stops the Flink job.\n"
        "Warning: Cart (shop/cart) has no failure policy: a message that keeps failing stops the Flink job.\n"
        "Give them on_failure=DeadLetter(...) or Discard(...), or all of them --dead-letters NS/NAME.\n"
        "Starting the cluster.\n"
    )
    assert (
        "WARNING statefun_actors.dispatch: "
        "audit/log/ada: dead letter of type shop/add after 3 attempts: "
        "ValueMismatchError: expected kafka_record(...) or kinesis_record(...), the only values that the egress "
        "shop/told takes, got a Add"
    ) in upgraded.said.splitlines()


def test_a_savepoint_of_a_job_that_goes_on_has_what_a_later_run_is_checked_against(upgraded: Upgraded) -> None:
    (stopped,) = upgraded.shop.savepoints.iterdir()
    names = {
        "_metadata", "statefun-actors-kafka.json", "statefun-actors-module.yaml", "statefun-actors-states.yaml"
    }  # fmt: skip
    assert names <= {path.name for path in upgraded.live.iterdir()}
    for name in names - {"_metadata"}:
        assert (upgraded.live / name).read_bytes() == (stopped / name).read_bytes()
    noted = json.loads((upgraded.live / "statefun-actors-kafka.json").read_text())["topics"]
    ids = [id for topics in noted.values() for id in topics.values()]
    assert ids
    assert all(re.fullmatch(r"[\w-]{22}", id) for id in ids)

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
    [ingress] = [each for each in parse_module(text).kafka_ingresses if each.id == "shop/messages"]
    app = shop.write(SECOND, "pass")

    error = shop.refused(app, "--module", str(tmp_path / "module.yaml"), "--from-savepoint", str(savepoint))

    first, second, *lost = error.splitlines()
    assert (first, second) == ("Asking the brokers.", f"Error: cannot resume from {savepoint}:")
    assert sorted(lost) == sorted(
        f"  - topic {topic.topic} was read by the ingress shop/messages and is read by shop/in now, which has no "
        "position in it: its records would be processed twice. Name the ingress shop/messages in a --module FILE."
        for topic in ingress.topics
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
    with started(*shop.arguments(*UPGRADE), "--gateway", "--resume", folder=shop.cluster) as flink:
        refuse(flink, shop, REFUSALS["a time to live"], "v")
        told = shop.told(flink, 5)
        flink.produce([("shop.cart.add", None, b"{}")])
        flink.until_logged(
            "time. Write records with keys; run --module keeps one without in statefun-actors/bad-records."
        )
        os.kill(flink.pids["JobManager"], signal.SIGKILL)
        assert flink.ended() == 1
        said = flink.said

    [keyless] = [line for line in said.splitlines() if line.startswith("A Kafka record has no key")]
    assert re.fullmatch(
        r"A Kafka record has no key, in which StateFun finds the id: topic shop.cart.add, partition \d, "
        r"offset \d+. The job fails at it each time. Write .*", keyless,
    )  # fmt: skip
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
