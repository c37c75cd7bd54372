"""Egress records: each once, to its partition; and records that can't be written."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from confluent_kafka import Producer

from statefun_actors import kafka_record
from statefun_actors.connectors.http import REFUSED_RECORDS
from statefun_actors.connectors.kafka import EgressDownError, KafkaSink
from statefun_actors.connectors.kafka.producers import NeverEnded
from statefun_actors.connectors.kafka.record_errors import refused_permanently
from statefun_actors.connectors.kafka.record_writer import Record
from statefun_actors.connectors.kafka.transactions import Transactions
from statefun_actors.deploy import KafkaEgress
from statefun_actors.dispatch import Application, EgressFailed, Instrument
from statefun_actors.engine import Engine, FailingEgress, Lineage, SystemClock
from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import kafka_to_typed, record_to_typed
from tests.engine.engines import inbox_of
from tests.kafka.runs import APP, Counter
from tests.kafka.topics import SECONDS, Topics
from tests.kafka.waiting import until

pytestmark = pytest.mark.kafka

OUT: Final = "kafka/out"
BOTH: Final = pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])


def egress(topics: Topics, delivery: Any, **more: Any) -> KafkaEgress:
    return KafkaEgress(
        id=OUT, address=topics.address, delivery=delivery, transaction_timeout=timedelta(minutes=1), **more
    )


@asynccontextmanager
async def writing(to: KafkaEgress, path: Path | None = None, app: Application = APP) -> AsyncGenerator[Engine]:
    """An engine whose one egress is *to*, over the store at *path*, or one in memory."""
    store = MemoryStore() if path is None else SqliteStore(path)
    engine = Engine(app, store, SystemClock(), sinks={to.id: KafkaSink(to)})
    working = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await engine.stop(drain=0.0)
        await working
        store.close()


def send(engine: Engine, *records: KafkaRecord) -> None:
    for record in records:
        inbox_of(engine).emit(OUT, record_to_typed(record))


async def keep(path: Path, *records: KafkaRecord, positions: Mapping[str, str] | None = None) -> None:
    """Add *records* to the store at *path*, where they wait for a run."""
    store = SqliteStore(path)
    first = store.recover().next_seq
    kept = [EgressRecord(seq, OUT, record_to_typed(record)) for seq, record in enumerate(records, first)]
    await store.commit(Commit(egress=kept, positions=positions or {}, next_seq=first + len(kept)))
    store.close()


def refused(engine: Engine) -> list[dict[str, Any]]:
    kept = engine.store.egress_after(0, 1_000, [REFUSED_RECORDS])
    return [msgspec.json.decode(record.value.value) for record in kept]


async def until_idle(engine: Engine) -> None:
    await asyncio.wait_for(engine.idle(), SECONDS)


@BOTH
async def test_a_record_that_can_never_get_through_is_set_aside_and_the_others_go_on_in_order(
    topics: Topics, delivery: str
) -> None:
    name, small = topics.make("out"), topics.make("small", 1, **{"max.message.bytes": "2000"})
    async with writing(egress(topics, delivery)) as engine:
        send(engine, *(kafka_record(topic=name, key="k", value=str(number)) for number in range(3)))
        send(engine, kafka_record(topic=name, key="k", value=b"x" * 2_000_000))  # more than the client takes
        inbox_of(engine).emit(OUT, TypedValue("bank/receipt", b"bare"))
        inbox_of(engine).emit(OUT, kafka_to_typed(KafkaRecord("a\0b", b"")))  # of a version that did not refuse it
        send(engine, *(kafka_record(topic=small, key="k", value=b"y" * 1_000) for _ in range(5)))  # too large together
        send(engine, kafka_record(topic=small, key="k", value=b"z" * 3_000))  # more than the broker takes
        send(engine, *(kafka_record(topic=name, key="k", value=str(number)) for number in range(3, 6)))
        await until(lambda: len(refused(engine)) == 4)
        await until_idle(engine)

        assert [record.value() for record in topics.read(name, 6)] == [b"0", b"1", b"2", b"3", b"4", b"5"]
        assert [record.value() for record in topics.read(small, 5)] == [b"y" * 1_000] * 5
        assert sorted((reported["egress"], reported["reason"]) for reported in refused(engine)) == [
            (OUT, "it is no Kafka record with a topic; send kafka_record(...)"),
            (
                OUT,
                r"no topic can have the name 'a\x00b': Kafka allows 1 to 249 of the characters A-Z, a-z, 0-9, `.`, `_` "
                "and `-`; not `.` or `..`",
            ),
            (OUT, f"topic {name}: Broker: Message size too large"),
            (OUT, f"topic {small}: Broker: Message size too large"),
        ]


def test_a_record_that_the_client_can_not_pass_on_fails_by_itself(topics: Topics) -> None:
    name, to = topics.make(), egress(topics, "exactly-once")
    writer = Transactions(to, topics.name("id"), Lineage.read(None))

    failed = writer.write([Record(1, name, None, b"first"), Record(2, "a\0b", None, b"second")], 2)

    assert {seq: refused_permanently(error) for seq, error in failed.items()} == {2: True}
    writer.close()


@pytest.mark.parametrize(
    ("delivery", "patience"),
    [
        ("exactly-once", {}),
        ("at-least-once", {}),
        ("at-least-once", {"topic.metadata.propagation.max.ms": "60000"}),  # longer than the writer's own
    ],
)
async def test_records_for_a_topic_that_is_not_there_wait_for_it(
    topics: Topics, delivery: str, patience: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    quick = {"topic.metadata.refresh.interval.ms": "200", **patience}
    async with writing(egress(topics, delivery, properties=quick)) as engine:
        send(engine, *(kafka_record(topic=topics.name("late"), key="k", value=str(number)) for number in range(3)))
        await until(lambda: caplog.messages)
        name = topics.make("late")
        assert [record.value() for record in await asyncio.to_thread(topics.read, name, 3)] == [b"0", b"1", b"2"]
    assert caplog.messages == [
        f"egress {OUT}: there is no topic {name!r}, whose records wait; others are written",
        f"egress {OUT}: topic {name!r} exists now; its records are written",
    ]


async def test_a_topic_that_is_not_there_stays_the_reason_while_its_records_are_retried(topics: Topics) -> None:
    class Attempts(Instrument):
        failed = 0

        def egress_failed(self, event: EgressFailed) -> None:
            self.failed += 1

    quick, attempts, seen = {"topic.metadata.propagation.max.ms": "200"}, Attempts(), set[FailingEgress | None]()
    async with writing(
        egress(topics, "exactly-once", properties=quick), app=Application(Counter, instruments=[attempts])
    ) as engine:
        send(engine, kafka_record(topic=topics.name("not-there"), value=""))
        await until(lambda: OUT in engine.view.failing_egress)
        failure = engine.view.failing_egress[OUT]

        def tried_again() -> bool:
            seen.add(engine.view.failing_egress.get(OUT))
            return attempts.failed >= 3

        await until(tried_again)

    assert failure.reason == f"there is no topic {topics.name('not-there')!r}, whose records wait; others are written"
    assert seen == {failure}


def test_few_clients_with_a_broken_transaction_are_kept() -> None:
    kept = NeverEnded(2)

    for _ in range(5):
        kept.keep(Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}))

    assert len(kept) == 2


async def test_after_a_backup_is_restored_its_records_are_written_and_those_since_are_not_taken_for_them(
    topics: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name, to = topics.make("out", 1), egress(topics, "exactly-once")
    store, backup = tmp_path / "store.db", tmp_path / "backup.db"
    async with writing(to, store) as engine:
        send(engine, kafka_record(topic=name, value="before"))
        await until_idle(engine)
    await keep(store, kafka_record(topic=name, value="kept"))
    shutil.copy(store, backup)  # by any tool
    async with writing(to, store) as engine:
        send(engine, *(kafka_record(topic=name, value=f"lost {number}") for number in range(4)))
        await until_idle(engine)
        newest = engine.store.recover().next_seq - 1
    assert caplog.messages == []

    for start in range(2):
        async with writing(to, backup) as engine:
            send(engine, *(kafka_record(topic=name, value=f"restored {start} {number}") for number in range(6)))
            await until_idle(engine)

    assert [(record.value() or b"").decode() for record in topics.read(name, 18)] == [
        *("before", "kept", "lost 0", "lost 1", "lost 2", "lost 3"),
        *(f"restored {start} {number}" for start in range(2) for number in range(6)),
    ]
    assert caplog.messages == [
        f"egress {OUT}: its topics hold records up to number {newest} that this store, a restored backup perhaps, does "
        "not know. They stay there; those that this store writes follow them"
    ]


async def test_a_progress_that_an_earlier_version_has_noted_still_counts(topics: Topics, tmp_path: Path) -> None:
    """Without a lineage. The records that it has written are not written again, and no others are left out."""
    name, to = topics.make("out", 1), egress(topics, "exactly-once")
    store = tmp_path / "store.db"
    group = f"statefun-actors-{OUT}-{topics.name('id')}"
    position = {f"sink:{OUT}": msgspec.json.encode({"kafka": topics.name("id")}).decode()}
    await keep(store, *(kafka_record(topic=name, value=f"{number}") for number in range(3)), positions=position)
    writer = Transactions(to, group, Lineage.read(None))
    writer._lineage = ""
    writer.write([Record(seq, name, None, f"{seq - 1}".encode()) for seq in (1, 2)], 2)
    writer.close()

    async with writing(to, store) as engine:
        await until_idle(engine)

    assert [record.value() for record in topics.read(name, 3)] == [b"0", b"1", b"2"]


def test_a_later_writer_of_an_id_fences_the_earlier_one(topics: Topics) -> None:
    name, to, id = topics.make("out"), egress(topics, "exactly-once"), topics.name("id")
    zombie = Transactions(to, id, Lineage.read(None))
    Transactions(to, id, Lineage.read(None))

    with pytest.raises(EgressDownError):
        zombie.write([Record(1, name, None, b"from the dead")], 1)

    assert topics.read(name, 0) == []


@BOTH
async def test_the_trace_of_a_handler_is_a_header_of_its_records(topics: Topics, delivery: str, tmp_path: Path) -> None:
    out, path, value = topics.make("out"), tmp_path / "db", kafka_record(topic=topics.name("out"), key="k", value="v")
    with_trace = EgressRecord(1, OUT, record_to_typed(value), {"traceparent": "00-1-2-01", "baggage": "é=1"})
    store = SqliteStore(path)
    await store.commit(Commit(egress=[with_trace, EgressRecord(2, OUT, record_to_typed(value))], next_seq=3))
    store.close()
    async with writing(egress(topics, delivery), path) as engine:
        await until_idle(engine)
    first, second = topics.read(out, 2)
    assert first.headers() == [("traceparent", b"00-1-2-01"), ("baggage", "é=1".encode())]
    assert second.headers() is None


@BOTH
async def test_a_key_goes_to_the_partition_that_the_java_client_chooses(topics: Topics, delivery: str) -> None:
    # From the tests of Kafka's own Utils.murmur2.
    hashes = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
              "a-little-bit-longer-string": -1486304829}  # fmt: skip
    name = topics.make("out", partitions=7)
    async with writing(egress(topics, delivery)) as engine:
        send(engine, *(kafka_record(topic=name, key=key, value="") for key in hashes))
        await until_idle(engine)

    found = {(record.key() or b"").decode(): record.partition() for record in topics.read(name, 4)}
    assert found == {key: (hash & 0x7FFFFFFF) % 7 for key, hash in hashes.items()}
