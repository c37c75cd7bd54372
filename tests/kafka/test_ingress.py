"""Records become messages: which, where to, from where on, and each of them once."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from statefun_actors.deploy import FromDate, SpecificOffsets
from statefun_actors.store import MemoryStore
from tests.kafka.raw_records import write_raw
from tests.kafka.runs import Running, add, ingress, ran_to_the_end, running
from tests.kafka.topics import Topics

pytestmark = pytest.mark.kafka


async def test_a_record_is_a_message_to_the_id_that_is_its_key(topics: Topics) -> None:
    name = topics.make(partitions=3)
    topics.write(name, [("ada", add(1)), ("bob", add(10)), ("ada", add(2)), ("ünï/côde ", add(7))])

    run = await ran_to_the_end(ingress(topics.address, name))

    assert [run.amounts(id) for id in ("ada", "bob", "ünï/côde ")] == [[1, 2], [10], [7]]
    assert run.source.records == 4


async def test_headers_in_utf_8_are_kept_with_the_message(topics: Topics) -> None:
    name = topics.make()
    headers = [("traceparent", b"00-1-2-01"), ("who", b"first"), ("who", "zweite \u00fc".encode()), ("raw", b"\xff")]
    topics.write(name, [("ada", add(1))], headers=[*headers, ("empty", b""), ("none", None)])
    topics.write(name, [("bob", add(2))])
    store = MemoryStore()

    await ran_to_the_end(ingress(topics.address, name, targets=["kafka/not-served"]), store)

    kept = {message.target.id: message.headers for message in store.messages()}
    assert kept == {"ada": {"traceparent": "00-1-2-01", "who": "zweite \u00fc", "empty": ""}, "bob": None}


async def test_a_header_whose_name_is_no_utf_8_is_left_out_and_its_record_counts(topics: Topics) -> None:
    name = topics.make()
    usual = [("ada", add(1))] * 100  # the interpreter optimizes calls that it has seen so often
    topics.write(name, usual, headers=[("traceparent", b"00-1-2-01")])
    write_raw(topics.address, name, b"ada", add(2), (b"caf\xe9", b"x"))
    topics.write(name, [("ada", add(3))])

    run = await ran_to_the_end(ingress(topics.address, name))

    assert run.amounts("ada") == [1] * 100 + [2, 3]
    assert run.bad_records() == []


async def test_records_of_one_key_keep_their_order(topics: Topics) -> None:
    name = topics.make(partitions=4)
    topics.write(name, [(f"k{i % 7}", add(i)) for i in range(5_000)])

    run = await ran_to_the_end(ingress(topics.address, name), records=50)

    assert all(run.amounts(f"k{k}") == list(range(k, 5_000, 7)) for k in range(7))


async def test_every_target_gets_every_record_of_every_topic(topics: Topics) -> None:
    first, second = topics.make("first"), topics.make("second")
    topics.write(first, [("ada", add(1))])
    topics.write(second, [("ada", add(20))])

    run = await ran_to_the_end(ingress(topics.address, first, second, targets=["kafka/counter", "kafka/twin"]))

    assert sorted(run.amounts("ada")) == [1, 20]
    assert run.engine.view.counters.handled == 4


async def test_it_goes_on_where_its_store_says(topics: Topics, tmp_path: Path) -> None:
    name = topics.make(partitions=2)
    topics.write(name, [(f"k{i}", add(1)) for i in range(20)])
    await ran_to_the_end(ingress(topics.address, name), tmp_path / "store.db")
    topics.write(name, [(f"k{i}", add(2)) for i in range(20)])

    run = await _last_run(topics, name, tmp_path / "store.db")

    assert run.source.records == 20
    assert run.engine.view.counters.handled == 20


async def _last_run(topics: Topics, name: str, store: Path) -> Running:
    return await ran_to_the_end(ingress(topics.address, name), store)


NO_KEY = "it has no key, which is the id of the message's target"
WRITTEN = [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("startup", "reset", "expected"),
    [
        pytest.param("earliest", "latest", [1, 2, 3, 4, 9], id="earliest"),
        pytest.param("latest", "earliest", [9], id="latest"),
        pytest.param("group-offsets", "earliest", [2, 3, 4, 9], id="group-offsets"),
        pytest.param("of another group", "earliest", [1, 2, 3, 4, 9], id="group without offsets, earliest"),
        pytest.param("of another group", "latest", [9], id="group without offsets, latest"),
        pytest.param("specific", "latest", [4, 9], id="specific-offsets"),
        pytest.param("specific, of another partition", "latest", [2, 3, 4, 9], id="specific-offsets, not this one"),
        pytest.param("date", "latest", [3, 4, 9], id="date"),
        pytest.param("date to come", "earliest", [9], id="date to come"),
    ],
)
async def test_where_it_starts(topics: Topics, startup: str, reset: str, expected: list[int]) -> None:
    name = topics.make()
    first = int(time.time() * 1000) - 60_000
    topics.write(name, [("ada", add(amount)) for amount in WRITTEN], times=range(first, first + 4))
    topics.note("group", name, [1])
    where = {
        "of another group": "group-offsets",
        "specific": SpecificOffsets({(name, 0): 3}),
        "specific, of another partition": SpecificOffsets({(name, 5): 3}),
        "date": FromDate(datetime.fromtimestamp((first + 2) / 1000, UTC)),
        "date to come": FromDate(datetime(2200, 1, 1, tzinfo=UTC)),
    }.get(startup, startup)
    group = topics.name("other" if startup == "of another group" else "group")
    store = MemoryStore()

    async with running(ingress(topics.address, name, startup=where, reset=reset, group=group), store) as run:
        await run.until(lambda: store.recover().positions)
        topics.write(name, [("ada", add(9))])
        await run.until(lambda: 9 in run.amounts("ada"))

        assert run.amounts("ada") == expected


async def test_where_it_starts_is_kept_before_anything_has_come(topics: Topics, tmp_path: Path) -> None:
    name = topics.make()
    topics.write(name, [("ada", add(1))])
    await ran_to_the_end(ingress(topics.address, name, startup="latest"), tmp_path / "store.db")
    topics.write(name, [("ada", add(2))])

    run = await ran_to_the_end(ingress(topics.address, name, startup="latest"), tmp_path / "store.db")

    assert run.amounts("ada") == [2]


async def test_how_far_it_has_come_is_noted_in_the_group(topics: Topics) -> None:
    name = topics.make(partitions=2)
    topics.write(name, [("ada", add(1))] * 3, partition=0)
    topics.write(name, [("bob", add(1))] * 2, partition=1)

    await ran_to_the_end(ingress(topics.address, name, group=topics.name("group")))

    assert topics.noted("group", name) == {0: 3, 1: 2}


async def test_nothing_is_noted_without_a_group(topics: Topics) -> None:
    name = topics.make()
    topics.write(name, [("ada", add(1))])

    await ran_to_the_end(ingress(topics.address, name))

    assert topics.noted("statefun-actors-kafka/in", name) == {}


async def test_a_partition_that_comes_later_is_read_from_its_beginning(topics: Topics) -> None:
    name = topics.make()
    async with running(ingress(topics.address, name, startup="latest"), look_every=0.1) as run:
        await run.until(lambda: run.engine.store.recover().positions)
        topics.grow(name, 2)
        topics.write(name, [("ada", add(5))], partition=1)

        await run.until(lambda: run.amounts("ada") == [5])


@pytest.mark.parametrize(
    ("record", "reason", "kept"),
    [
        (
            (None, add(1)),
            "it has no key, which is the id of the message's target",
            {"key": None, "value": '{"amount":1}'},
        ),
        (("", add(1)), "it has no key, which is the id of the message's target", {"key": "", "value": '{"amount":1}'}),
        (("ada", None), "it has no value", {"key": "ada", "value": None}),
        (
            (b"\xff", b"\xfe"),
            "its key, which is the id of the message's target, is not UTF-8",
            {"key_base64": "/w==", "value_base64": "/g=="},
        ),
    ],
    ids=["no key", "empty key", "no value", "key that is no text"],
)
async def test_a_record_that_is_no_message_is_kept_and_the_others_go_on(
    topics: Topics, record: tuple[str | bytes | None, bytes | None], reason: str, kept: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    name = topics.make()
    topics.write(name, [("ada", add(1)), record, ("ada", add(2))])

    run = await ran_to_the_end(ingress(topics.address, name))

    assert run.amounts("ada") == [1, 2]
    (found,) = run.bad_records()
    assert found.pop("timestamp") > 0
    assert found == {"ingress": "kafka/in", "topic": name, "partition": 0, "offset": 1, "reason": reason, **kept}
    assert caplog.messages == [
        f"Kafka ingress kafka/in: a record of {name} is not a message ({reason}); "
        "such records are sent to the egress statefun-actors/bad-records"
    ]


async def test_a_record_that_fits_no_type_becomes_a_dead_letter(topics: Topics) -> None:
    name = topics.make()
    topics.write(name, [("ada", add(1)), ("ada", b"no JSON"), ("ada", add(2))])

    run = await ran_to_the_end(ingress(topics.address, name))

    assert run.amounts("ada") == [1, 2]
    (letter,) = run.engine.view.dead_letters()
    assert (letter.message.value.value, letter.error_type) == (b"no JSON", "MessageDecodeError")
