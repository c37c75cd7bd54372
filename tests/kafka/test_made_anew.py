"""Topics that are deleted and created again: nothing in the new one is taken for read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from statefun_actors.store import Commit, MemoryStore
from tests.kafka.runs import add, ingress, ran_to_the_end, running
from tests.kafka.topics import Topics

pytestmark = pytest.mark.kafka


def reported(name: str, reset: str) -> str:
    return (
        f"Kafka ingress kafka/in: topic {name} has been recreated (its id has changed), so its old offsets are "
        f"dropped; continuing at its {reset}"
    )


async def nine_read(topics: Topics, store: MemoryStore | Path, partitions: int = 1) -> str:
    """A topic of which a run has read all nine records; its name."""
    name = topics.make(partitions=partitions)
    topics.write(name, [("ada", add(amount)) for amount in range(9)], partition=0)
    await ran_to_the_end(ingress(topics.address, name), store)
    return name


@pytest.mark.parametrize("count", [3, 9, 12])
async def test_a_recreated_topic_is_read_from_its_beginning(
    topics: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    name = await nine_read(topics, tmp_path / "store.db")
    topics.remake(name)
    topics.write(name, [("bob", add(amount)) for amount in range(count)])

    run = await ran_to_the_end(ingress(topics.address, name, reset="earliest"), tmp_path / "store.db")
    again = await ran_to_the_end(ingress(topics.address, name, reset="earliest"), tmp_path / "store.db")

    assert run.amounts("bob") == list(range(count))
    assert caplog.messages == [reported(name, "earliest")]
    assert again.source.records == 0


async def test_with_a_reset_to_the_latest_its_records_are_skipped_and_that_is_logged(
    topics: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = await nine_read(topics, tmp_path / "store.db")
    topics.remake(name)
    topics.write(name, [("bob", add(amount)) for amount in range(12)])

    passed = await ran_to_the_end(ingress(topics.address, name, reset="latest"), tmp_path / "store.db")
    topics.write(name, [("bob", add(99))])
    run = await ran_to_the_end(ingress(topics.address, name, reset="latest"), tmp_path / "store.db")

    assert passed.source.records == 0
    assert run.amounts("bob") == [99]
    assert caplog.messages == [reported(name, "latest")]


async def test_an_empty_one_counts_as_read_from_its_beginning(topics: Topics, tmp_path: Path) -> None:
    name = await nine_read(topics, tmp_path / "store.db")
    topics.remake(name)
    await ran_to_the_end(ingress(topics.address, name, reset="earliest"), tmp_path / "store.db")
    topics.write(name, [("bob", add(amount)) for amount in range(12)])

    run = await ran_to_the_end(ingress(topics.address, name, reset="earliest"), tmp_path / "store.db")

    assert run.amounts("bob") == list(range(12))


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
async def test_it_may_have_another_number_of_partitions(
    topics: Topics, tmp_path: Path, before: int, after: int
) -> None:
    name = await nine_read(topics, tmp_path / "store.db", before)
    topics.remake(name, after)
    for partition in range(after):
        topics.write(name, [(f"k{partition}", add(amount)) for amount in range(12)], partition)

    run = await ran_to_the_end(ingress(topics.address, name, reset="earliest"), tmp_path / "store.db")

    assert [run.amounts(f"k{partition}") for partition in range(after)] == [list(range(12))] * after


async def test_other_topics_of_the_ingress_go_on_where_they_were(topics: Topics, tmp_path: Path) -> None:
    stays, goes = topics.make("stays"), topics.make("goes")
    both = ingress(topics.address, stays, goes, reset="earliest")
    for name in (stays, goes):
        topics.write(name, [(name[-5:], add(1))] * 2)
    await ran_to_the_end(both, tmp_path / "store.db")
    topics.remake(goes)
    for name in (stays, goes):
        topics.write(name, [(name[-5:], add(2))] * 3)

    run = await ran_to_the_end(both, tmp_path / "store.db")

    assert run.amounts(stays[-5:]) == [1, 1, 2, 2, 2]
    assert run.amounts(goes[-5:]) == [1, 1, 2, 2, 2]
    assert run.source.records == 6


async def test_a_topic_that_is_deleted_while_it_runs_is_read_again_once_it_is_there(
    topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    name = topics.make()
    topics.write(name, [("ada", add(amount)) for amount in range(3)])
    async with running(ingress(topics.address, name, reset="earliest"), look_every=0.2) as run:
        await run.until(lambda: run.amounts("ada") == [0, 1, 2])
        topics.delete(name)
        await run.until(lambda: any("there is no topic" in text for text in caplog.messages))
        topics.make_again(name)
        topics.write(name, [("bob", add(amount)) for amount in range(5)])
        await run.until(lambda: len(run.amounts("bob")) >= 5)

        assert run.amounts("bob") == [0, 1, 2, 3, 4]
    assert reported(name, "earliest") in caplog.messages


class _Forgetful(MemoryStore):
    """Stores positions as versions did that knew no ids."""

    async def commit(self, commit: Commit) -> None:
        for name, position in commit.positions.items():
            if name.startswith("source:"):
                found = json.loads(position)
                found.pop("topic ids", None)
                commit.positions[name] = json.dumps(found)  # type: ignore[index]
        await super().commit(commit)


async def test_a_position_without_ids_is_taken_over(topics: Topics, caplog: pytest.LogCaptureFixture) -> None:
    store = _Forgetful()
    name = await nine_read(topics, store)
    topics.write(name, [("ada", add(9))])

    run = await ran_to_the_end(ingress(topics.address, name), store)

    assert run.source.records == 1
    assert run.amounts("ada") == list(range(10))
    assert caplog.messages == []


async def test_a_position_has_the_offsets_and_the_topic_ids(topics: Topics) -> None:
    name = topics.make()
    topics.write(name, [("ada", add(1))])
    store = MemoryStore()

    await ran_to_the_end(ingress(topics.address, name), store)

    position = json.loads(store.recover().positions["source:kafka/in"])
    assert position.keys() == {name, "topic ids"}
    assert position[name] == {"0": 1}
    assert len(position["topic ids"][name]) == 22
