"""Brokers that have lost records; a store that fails; others in the group."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from statefun_actors.connectors.kafka import BadPropertyError, KafkaSource
from statefun_actors.store import Commit, MemoryStore, StoreError
from tests.kafka.runs import Running, add, ingress, ran_to_the_end, running
from tests.kafka.topics import SECONDS, Topics

pytestmark = pytest.mark.kafka


class _FailingStore(MemoryStore):
    """Its third commit fails, and every fifth afterwards."""

    commits = 0

    async def commit(self, commit: Commit) -> None:
        self.commits += 1
        if self.commits % 5 == 3:
            raise StoreError("memory", "no space left")
        await super().commit(commit)


async def test_after_a_failed_commit_records_are_read_again_and_count_once(topics: Topics) -> None:
    name = topics.make(partitions=2)
    topics.write(name, [(f"k{i % 9}", add(i)) for i in range(4_000)])

    run = await ran_to_the_end(ingress(topics.address, name), _FailingStore())

    assert [run.amounts(f"k{k}") for k in range(9)] == [list(range(k, 4_000, 9)) for k in range(9)]
    assert run.source.records > 4_000


async def test_lost_records_are_logged_and_skipped(
    topics: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = topics.make()
    topics.write(name, [("ada", add(amount)) for amount in range(10)])
    await ran_to_the_end(ingress(topics.address, name), tmp_path / "store.db")
    topics.write(name, [("ada", add(amount)) for amount in range(10, 20)])
    topics.truncate(name, before=15)

    run = await ran_to_the_end(ingress(topics.address, name, reset="earliest"), tmp_path / "store.db")

    assert run.source.records == 5
    assert caplog.messages == [
        f"Kafka ingress kafka/in: {name}/0 no longer has offset 10 (5 records are lost); continuing at its earliest, 15"
    ]


async def test_two_runs_of_one_group_each_read_everything_into_their_own_store(topics: Topics) -> None:
    name = topics.make(partitions=2)
    group = topics.name("group")
    async with (
        running(ingress(topics.address, name, group=group)) as one,
        running(ingress(topics.address, name, group=group)) as other,
    ):
        topics.write(name, [(f"k{i % 5}", add(i)) for i in range(100)])
        for run in (one, other):
            await run.until(functools.partial(_has_all, run))


async def test_a_rebalance_of_the_group_takes_no_partition_away(
    topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    name = topics.make(partitions=2)
    topics.write(name, [(f"k{i % 5}", add(i)) for i in range(50)])
    async with running(ingress(topics.address, name, group=topics.name("group"))) as run:
        await run.until(lambda: run.engine.view.counters.handled == 50)
        with contextlib.closing(topics.consumer("group")) as member:
            member.subscribe([name])
            await asyncio.to_thread(_until_assigned, member)
            topics.write(name, [(f"k{i % 5}", add(i)) for i in range(50, 100)])

            await run.until(functools.partial(_has_all, run))
            await run.until(lambda: caplog.messages)

    assert caplog.messages == [
        f"Kafka ingress kafka/in: its offsets can't be committed to the group {topics.name('group')}: "
        "Broker: Unknown member. Its position is in the store, so no record is read twice or skipped"
    ]


def _has_all(run: Running) -> bool:
    return all(run.amounts(f"k{k}") == list(range(k, 100, 5)) for k in range(5))


def _until_assigned(member: Consumer) -> None:
    deadline = time.monotonic() + SECONDS
    while not member.assignment():
        assert time.monotonic() < deadline
        member.poll(0.1)


def test_a_property_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadPropertyError) as caught:
        KafkaSource(ingress("127.0.0.1:9", "in", properties={"fetch.min.bytes": "many"}))

    assert str(caught.value) == (
        "Kafka ingress kafka/in: the Kafka client can't be set up: Invalid value for configuration property "
        '"fetch.min.bytes". Its names are librdkafka\'s: correct `properties:` in module.yaml.'
    )
