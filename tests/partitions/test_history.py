"""The history of entities in ``run --partitions``."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing

import pytest

from statefun_actors import Address
from statefun_actors.admin import history_place, view_conversation, view_history
from statefun_actors.store import open_reader
from tests.cli.commands import run
from tests.partitions.running import DEADLINE, Running, wait_for
from tests.partitions.systems import id_in


def wait_for_items(system: Running, id: str, count: int) -> None:
    """Until the history of the cell *id* has *count* items."""
    with closing(open_reader(system.store)) as reader:
        wait_for(lambda: len(list(view_history(reader, Address("test/cell", id)))) == count)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    with Running(tmp_path_factory.mktemp("run"), 2) as running:
        yield running


def test_the_history_of_each_entity_is_recorded(system: Running) -> None:
    ids = [id_in(number, "test/cell", after=3_000) for number in range(2)]
    for number, (id, other) in enumerate([ids, ids[::-1]], 1):
        assert system.add(id, number, other).status == 200
    for id in ids:
        wait_for_items(system, id, 2)
    for number, id in enumerate(ids, 1):
        done = run("history", "test/cell/" + id, "--store", str(system.store), "--json", folder=system.folder)
        items = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted((item["type"], item["value"]) for item in items) == [
            ("test/add", {"number": number, "to": ids[2 - number]}),
            ("test/passed", {"number": 3 - number, "sender": ids[2 - number]}),
        ]
        assert {item["number"] % 2 for item in items} == {number - 1}


def test_a_conversation_goes_on_in_another_partition(system: Running) -> None:
    """The numbers of messages are those of each partition, so other messages have the same ones there."""
    ids = [id_in(number, "test/cell", after=4_000) for number in range(2)]
    for number in range(20, 24):
        assert system.add(ids[number % 2], number, ids[1 - number % 2]).status == 200
    with closing(open_reader(system.store)) as reader:
        for here, there in (ids, ids[::-1]):
            address = Address("test/cell", there)
            wait_for_items(system, there, 4)
            for item in view_history(reader, address):
                place, index = history_place(item.place)
                found = view_conversation(reader, address, place, index, seconds=DEADLINE)
                assert found is not None
                got = [(arrow.sender, arrow.target, arrow.value) for arrow in found.arrows if arrow.kind == "message"]
                begun_here = item.typename == "test/passed"
                sender, receiver = (here, there) if begun_here else (there, here)
                assert isinstance(item.value, dict)
                number = item.value["number"]
                assert got == [
                    ("outside", f"test/cell/{sender}", {"number": number, "to": receiver}),
                    (f"test/cell/{sender}", f"test/cell/{receiver}", {"sender": sender, "number": number}),
                ]


def test_a_pause_of_a_type_is_shown_once(system: Running) -> None:
    id = id_in(1, "test/cell", after=5_000)
    for command in ("pause", "resume"):
        sure = ("--yes",) if command == "pause" else ()
        done = run(command, "app.py", "test/cell", *sure, "--store", str(system.store), folder=system.folder)
        assert done.returncode == 0, done.stderr
    with closing(open_reader(system.store)) as reader:
        assert [item.kind for item in view_history(reader, Address("test/cell", id))] == ["type resumed", "type paused"]
