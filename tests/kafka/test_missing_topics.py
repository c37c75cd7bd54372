"""Records for topics that do not exist wait for them, and those for other topics go on."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition

from statefun_actors import kafka_record
from statefun_actors.connectors.http import REFUSED_RECORDS
from statefun_actors.connectors.kafka import KafkaSink, record_writer
from statefun_actors.connectors.kafka.notes import Note, Written
from statefun_actors.connectors.kafka.record_writer import Record, missing_topics
from statefun_actors.connectors.kafka.transactions import Transactions
from statefun_actors.dispatch import Application, EgressDelivered, Instrument
from statefun_actors.engine import Engine, Lineage, SystemClock
from statefun_actors.model import KafkaRecord
from statefun_actors.store import Commit, MemoryStore
from tests.cli.commands import started, summary, wait_until
from tests.kafka.modules import by_key, deposit, write_app, write_module
from tests.kafka.runs import APP, Counter
from tests.kafka.test_egress import BOTH, OUT, egress, keep, send, until_idle, writing
from tests.kafka.topics import Topics
from tests.kafka.waiting import until

pytestmark = pytest.mark.kafka

MANY: Final = 1_200
"""Records: more than fit into memory."""
TWO_TOPICS: Final = """
from statefun_actors import Entity, handles, kafka_record, message, persisted


@message("bank/deposit")
class Deposit:
    cents: int


class Account(Entity, typename="bank/account"):
    count: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> None:
        self.count += 1
        value = f"{self.count} {message.cents}"
        self.send_egress("bank/receipts", kafka_record(topic="TOPICS.out", key=self.id, value=value))
        self.send_egress("bank/receipts", kafka_record(topic="TOPICS.late", key=self.id, value=value))
"""


class Delivered(Instrument):
    def __init__(self) -> None:
        self.events: list[EgressDelivered] = []

    def egress_delivered(self, event: EgressDelivered) -> None:
        self.events.append(event)


def numbered(topic: str, numbers: range) -> list[KafkaRecord]:
    return [kafka_record(topic=topic, key="k", value=str(number)) for number in numbers]


def values(topics: Topics, name: str, count: int) -> list[int]:
    return [int(record.value() or b"") for record in topics.read(name, count)]


def waiting_for(*topics: str) -> str:
    return f"there is no topic {' or '.join(map(repr, topics))}, whose records wait; others are written"


@BOTH
async def test_more_records_than_fit_into_memory_wait_for_their_topics_and_others_go_on(
    topics: Topics, delivery: str, caplog: pytest.LogCaptureFixture
) -> None:
    out, late, never = topics.make("out"), topics.name("late"), topics.name("never")
    seen = Delivered()
    async with writing(egress(topics, delivery), app=Application(Counter, instruments=[seen])) as engine:
        send(engine, *numbered(late, range(MANY)), *numbered(never, range(MANY)), *numbered(out, range(10)))
        await until_idle(engine)  # what waits for a topic is not waited for

        assert values(topics, out, 10) == [*range(10)]
        assert engine.view.failing_egress[OUT].reason == waiting_for(late, never)
        assert engine.view.egress_kept == 2 * MANY

        send(engine, *numbered(out, range(10, 15)))
        await until_idle(engine)
        assert seen.events[-1].failing, "a metric would say that all is well"

        topics.make("late")
        send(engine, *numbered(late, range(MANY, MANY + 10)), *numbered(out, range(15, 20)))
        await until(lambda: engine.view.egress_kept == MANY)
        assert values(topics, late, MANY + 10) == [*range(MANY + 10)]
        assert values(topics, out, 20) == [*range(20)]
        assert engine.view.failing_egress[OUT].reason == waiting_for(never)
    assert sorted(caplog.messages) == [
        *sorted(f"egress {OUT}: {waiting_for(topic)}" for topic in (late, never)),
        f"egress {OUT}: topic {late!r} exists now; its records are written",
    ]


async def test_many_missing_topics_are_asked_for_in_parts_so_that_other_records_are_written_between(
    topics: Topics, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, missing, asked = topics.make("out"), [topics.name(f"missing{number}") for number in range(120)], list[int]()

    def counted(producer: Producer, names: Iterable[str], by_name: AbstractSet[str]) -> set[str]:
        asked.append(len(by_name))
        return missing_topics(producer, names, by_name)

    monkeypatch.setattr(record_writer, "missing_topics", counted)
    async with writing(egress(topics, "at-least-once")) as engine:
        send(engine, *(numbered(topic, range(1))[0] for topic in missing), *numbered(out, range(5)))
        await until(lambda: len(caplog.messages) == len(missing))
        await until_idle(engine)

        assert values(topics, out, 5) == [*range(5)]
        assert max(asked) == 50
        topics.make("missing119")
        await until(lambda: engine.view.egress_kept == len(missing) - 1)
        assert values(topics, missing[-1], 1) == [0]


@pytest.mark.parametrize("metadata", ["[[]]", "[]", "{}", "42", '[["a"]]', '[["a",1,"b"]]', "a text"])
def test_what_another_program_has_committed_in_the_group_counts_up_to_its_offset_and_no_further(metadata: str) -> None:
    note = Note.read(TopicPartition("out", 0, 5, metadata))

    assert (note.through, note.of_topic) == (4, 4)
    assert Written([note], Lineage.read(None).begun(9)).through <= 0, "its numbers are not those of this store"


@BOTH
async def test_a_topic_that_is_deleted_holds_up_only_its_own_records(topics: Topics, delivery: str) -> None:
    out, late = topics.make("out"), topics.make("late")
    quick = {"topic.metadata.refresh.interval.ms": "200", "topic.metadata.propagation.max.ms": "200"}
    async with writing(egress(topics, delivery, properties=quick)) as engine:
        send(engine, *numbered(late, range(5)), *numbered(out, range(5)))
        await until_idle(engine)
        topics.delete(late)
        count = 5

        def settled() -> bool:
            failure = engine.view.failing_egress.get(OUT)
            return not engine.view.egress_kept or (failure is not None and failure.reason == waiting_for(late))

        while not engine.view.egress_kept:  # brokers take records for some time after they have deleted the topic
            send(engine, *numbered(late, range(count, count + 1)), *numbered(out, range(count, count + 1)))
            count += 1
            await engine.durable()
            await until(settled)
        await until(lambda: engine.view.egress_kept == 1)
        assert values(topics, out, count) == [*range(count)]

        topics.make_again(late)
        await until(lambda: not engine.view.egress_kept)
        assert values(topics, late, 1) == [count - 1]


async def test_what_was_written_right_before_a_crash_is_known_by_topic(topics: Topics, tmp_path: Path) -> None:
    """The transaction is committed, and the store has no note of it."""
    out, late, to = topics.make("out"), topics.name("late"), egress(topics, "exactly-once")
    store, id = tmp_path / "store.db", topics.name("id")
    records = [numbered(late if number % 2 else out, range(number, number + 1))[0] for number in range(1, 7)]
    await keep(store, *records, positions={f"sink:{OUT}": msgspec.json.encode({"kafka": id}).decode()})
    _write_before_a_crash(topics, [Record(seq, out, b"k", b"%d" % seq) for seq in (2, 4)], 0)

    for start in range(2):
        async with writing(to, store) as engine:
            await until_idle(engine)
            await until(lambda: engine.view.egress_kept == 3)
            assert values(topics, out, 3) == [2, 4, 6], start
    topics.make("late")
    _write_before_a_crash(topics, [Record(seq, late, b"k", b"%d" % seq) for seq in (1, 3)], 4)
    async with writing(to, store) as engine:
        await until(lambda: not engine.view.egress_kept)

    assert values(topics, late, 3) == [1, 3, 5]
    assert values(topics, out, 3) == [2, 4, 6]


def _write_before_a_crash(topics: Topics, records: Sequence[Record], through: int) -> None:
    id = f"statefun-actors-{OUT}-{topics.name('id')}"
    writer = Transactions(egress(topics, "exactly-once"), id, Lineage.read(None))
    assert not writer.write(records, through)
    writer.close()


def test_an_earlier_version_reads_a_note_and_leaves_out_no_record(topics: Topics) -> None:
    out, id, lineage = topics.make("out"), topics.name("id"), Lineage.read(None).begun(9)
    writer = Transactions(egress(topics, "exactly-once"), id, lineage)
    assert not writer.write([Record(20, out, None, b"before that of a missing topic"), Record(30, out, None, b"")], 14)
    writer.close()

    consumer = topics.consumer("id")
    (place,) = consumer.committed([TopicPartition(out, 0)], timeout=5)
    consumer.close()
    note = Note.read(place)
    assert place.offset == 15, "it counts those up to 14 as written, whatever their topics"
    assert note.lineage.noted == lineage.noted
    assert note.of_topic == 30
    written = Written([note], lineage)
    assert [written.has(seq, topic) for seq, topic in ((14, "x"), (15, "x"), (30, out), (31, out))] == [
        *(True, False, True, False),
    ]


def test_of_a_store_that_is_a_restored_backup_notes_count_up_to_the_backup() -> None:
    common = Lineage.read(None).begun(9)
    noted = Note("out", 14, 30, common.begun(20))

    written = Written([noted], common.begun(16))  # the backup was made then

    assert [written.has(seq, topic) for seq, topic in ((14, "late"), (15, "late"), (16, "out"), (17, "out"))] == [
        *(True, False, True, False),
    ]
    assert written.foreign == 30


class SlowRefusals(MemoryStore):
    """Commits a refusal only after a later record is written, or could have been."""

    def __init__(self) -> None:
        super().__init__()
        self.committing, self.may_commit = threading.Event(), asyncio.Event()

    async def commit(self, commit: Commit) -> None:
        if any(record.egress == REFUSED_RECORDS for record in commit.egress):
            self.committing.set()
            await self.may_commit.wait()
        await super().commit(commit)


async def test_a_refusal_is_durable_before_a_transaction_that_counts_it_as_dealt_with(topics: Topics) -> None:
    out, to, store = topics.make("out"), egress(topics, "exactly-once"), SlowRefusals()
    engine = Engine(APP, store, SystemClock(), sinks={OUT: KafkaSink(to)})
    working = asyncio.create_task(engine.run())
    send(engine, kafka_record(topic=out, value=b"x" * 2_000_000), *numbered(out, range(1)))
    await until(store.committing.is_set)
    consumer = topics.consumer("reading")
    consumer.assign([TopicPartition(out, 0, 0)])
    too_early = await asyncio.to_thread(consumer.consume, 1, 1.0)
    store.may_commit.set()
    await until_idle(engine)
    await engine.stop(drain=0.0)
    await working

    consumer.close()
    assert not too_early
    assert values(topics, out, 1) == [0]


def test_killed_again_and_again_while_a_topic_is_missing_each_record_is_there_once_and_in_order(
    tmp_path: Path, topics: Topics
) -> None:
    keys, part, kills, rng = 20, 600, 6, random.Random(5)
    name, out = topics.make(partitions=2), topics.make("out", partitions=3)
    write_app(tmp_path, topics.name("")[:-1], TWO_TOPICS)
    write_module(tmp_path, topics.address, name)
    deposits = [(f"k{number % keys}", deposit(number)) for number in range(part * (kills + 1))]
    topics.write(name, deposits[:part])
    late = topics.name("late")
    for kill in range(1, kills + 1):
        if kill == kills // 2 + 1:
            topics.make("late", partitions=3)
        watched = out if kill <= kills // 2 else late
        enough = topics.size(watched) + rng.randrange(1, part)
        with started("run", "app.py", "--module", "module.yaml", folder=tmp_path) as process:
            wait_until(lambda: topics.size(watched) >= enough or process.poll() is not None, "enough is written")  # noqa: B023
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
        topics.write(name, deposits[kill * part :][:part])
    summary("app.py", "--module", "module.yaml", "--until-idle", folder=tmp_path)

    each = part * (kills + 1) // keys
    expected = {f"k{k}": [f"{n + 1} {k + n * keys}" for n in range(each)] for k in range(keys)}
    assert by_key(topics.read(out, each * keys)) == expected
    assert by_key(topics.read(late, each * keys)) == expected
