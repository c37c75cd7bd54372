"""Classes with ``was=`` in ``run --partitions``: entities stay in the partitions that they have."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.partitions import Partition, partition_of, partition_of_target
from statefun_actors.store import StoreInUseError, open_one_of, placed_types
from statefun_actors.store.partitioned import create_partitions, place_renamed
from tests.cli.commands import run, summary
from tests.partitions.running import APP, Got, Running
from tests.partitions.test_input import LONG, write_lines

FORMER = APP.replace('typename="test/cell"', 'typename="test/former"')
RENAMED = APP.replace('typename="test/cell"', 'typename="test/cell", was="test/former"')
OTHER = """

class Other(Entity, typename="test/cell"):
    total: int = persisted(default=0)

    @handles
    def add(self, number: int) -> None:
        self.total += number
"""
IDS = [str(number) for number in range(6)]


def line(typename: str, id: str, number: int, to: str | None = None) -> dict[str, object]:
    return {"to": f"{typename}/{id}", "type": "test/add", "value": {"number": number, "to": to}}


def add(running: Running, name: str, id: str, number: int, *, key: str | None = None, by: int | None = None) -> Got:
    """Add *number* to an entity of the type test/*name*. *key*: the idempotency key."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return running.request(
        "PUT", f"/ingress/test/{name}/{id}?type=test/add&wait=10s", {"number": number}, headers, by=by
    )


def test_entities_messages_and_requests_find_each_other_under_the_new_name(tmp_path: Path) -> None:
    batch = ("app.py", "--partitions", "2", "--input", "in.jsonl", "--until-idle", "--store", "bank.db")
    before = [line("test/former", id, 1) for id in IDS]
    delayed = [line("test/former", id, 2, IDS[-1 - int(id)]) | {"after": "200d"} for id in IDS]
    (tmp_path / "app.py").write_text(FORMER)
    write_lines(tmp_path / "in.jsonl", *before, *delayed)
    with Running(tmp_path, 2, "--input", "in.jsonl", app=FORMER) as running:
        got = running.request(
            "PUT", "/ingress/test/former/0?type=test/add&wait=10s", {"number": 9}, {"Idempotency-Key": "k"}
        )
        assert got.status == 200
        count = got.json()
        assert running.stop() == 0

    after = [line("test/cell", id, 3, IDS[-1 - int(id)]) for id in IDS]
    write_lines(tmp_path / "in.jsonl", *before, *delayed, *after)
    with Running(tmp_path, 2, app=RENAMED) as running:
        # the same request, by both names
        for name in ("former", "cell"):
            got = running.request(
                "PUT", f"/ingress/test/{name}/0?type=test/add&wait=10s", {"number": 9}, {"Idempotency-Key": "k"}
            )
            assert (got.status, got.json()) == (200, count)
        for by in range(2):
            assert add(running, "cell", "1", 10 + by, by=by).status == 200
        assert running.stop() == 0
    assert placed_types(tmp_path / "bank.db") == {"test/cell": "test/former"}
    reported = summary(*batch, "--fire-timers", folder=tmp_path, deadline=LONG)
    assert (reported["ended"], reported["entities"]) == ("idle", {"test/cell": 6})
    # without was=, and in a backup
    (tmp_path / "app.py").write_text(APP)
    assert run("backup", "app.py", "copy.db", "--store", "bank.db", folder=tmp_path).returncode == 0
    for store in ("bank.db", "copy.db"):
        for id in IDS[:3]:
            done = run("state", "app.py", f"test/cell/{id}", "--json", "--store", store, folder=tmp_path)
            found = json.loads(done.stdout)["fields"]
            assert sorted(found["numbers"]) == sorted([1, 2, 3, *[9] * (id == "0"), *[10, 11] * (id == "1")]), id
            assert sorted(found["passed"]) == [[IDS[-1 - int(id)], number] for number in (2, 3)]


def test_the_rows_of_a_renamed_type_stay_where_they_are(tmp_path: Path) -> None:
    placed = {"test/cell": "test/former"}
    for id in IDS:
        there = partition_of(Address("test/former", id), 4)
        assert partition_of(Address("test/cell", id), 4, placed) == there
        assert partition_of_target(f"test/cell/{id}", 4, placed) == there
        assert partition_of_target(f"test/former/{id}", 4, {}) == there
    for text in ("", "x", "test/cell"):
        assert partition_of_target(text, 4, placed) == partition_of_target(text, 4, {})
    assert Partition(0, 4, placed) != Partition(0, 4)


def test_a_type_keeps_its_place_however_often_it_is_renamed(tmp_path: Path) -> None:
    store = tmp_path / "bank.db"
    first = place_renamed(store, create_partitions(store, 2), {"a/first": "a/second"})
    assert first.placed == placed_types(store) == {"a/second": "a/first"}
    second = place_renamed(store, first, {"a/second": "a/third"})
    assert second.placed == {"a/second": "a/first", "a/third": "a/first"}
    assert place_renamed(store, second, {"a/first": "a/third", "a/second": "a/third"}) is second
    assert place_renamed(store, second, {}) is second


def test_a_store_that_is_in_use_or_has_both_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(FORMER + OTHER)
    write_lines(tmp_path / "in.jsonl", line("test/former", "a", 1), {"to": "test/cell/a", "value": 1})
    batch = ("app.py", "--partitions", "2", "--store", "bank.db", "--until-idle")
    assert summary(*batch, "--input", "in.jsonl", folder=tmp_path, deadline=LONG)["messages_handled"] == 2
    (tmp_path / "app.py").write_text(RENAMED)
    done = run("run", *batch, folder=tmp_path, deadline=LONG)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: store bank.db: it has data of test/former and test/cell, which is in partitions by both names, so it "
        "can't become that of test/cell there. Export it, import it into a file, run that once without --partitions, "
        "and move it back: export, and import --partitions 2.\n",
    )
    store = tmp_path / "bank.db"
    with closing(open_one_of(store, 1)), pytest.raises(StoreInUseError):
        place_renamed(store, create_partitions(store, 2), {"a/first": "a/second"})
    assert placed_types(store) == {}
