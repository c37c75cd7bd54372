"""The conformance cases on Flink can fail, Kafka carries their values, and Flink's refusals are real."""

from __future__ import annotations

import pytest

from statefun_actors import KafkaRecord, TypedValue
from statefun_actors.types import pack, record_to_typed
from statefun_actors.wire.reply_writer import Writer
from tests.conformance.suite import case
from tests.flink.conformance import FLINK
from tests.flink.jvm import FlinkError
from tests.flink.over_kafka import IN, published
from tests.flink.session import kafka_session
from tests.kafka.session import broker
from tests.kafka.topics import Topics
from tests.last_use import FLINK_OVER_KAFKA

pytestmark = [pytest.mark.flink, pytest.mark.kafka]


async def test_a_token_that_is_pending_twice_turns_a_case_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "_cancel", lambda *_: None)

    with pytest.raises(FlinkError, match="the job failed"):
        await case("B39").function(FLINK.start)


async def test_a_state_of_another_type_than_the_declared_one_fails_the_job() -> None:
    with pytest.raises(FlinkError, match="the job failed"):
        await case("V24").function(FLINK.start)


async def test_messages_and_egress_records_of_a_case_are_at_the_broker() -> None:
    topics = Topics(broker(FLINK_OVER_KAFKA).address, "at-the-broker")
    kafka_session()  # it makes the topics
    before = [topics.size(IN), topics.size("t")]
    await case("V38").function(FLINK.start)

    told, sent = (topics.read(name, topics.size(name))[at:] for name, at in zip((IN, "t"), before, strict=True))
    [go] = [record for record in told if record.value() == pack("kafka").value]
    assert go.headers() == [("to", b"conf/egresses"), ("type", b"io.statefun.types/string")]
    assert (b"k", b"\0\0\0\x07") in [(record.key(), record.value()) for record in sent]


async def test_a_record_that_goes_to_another_topic_turns_a_case_red(monkeypatch: pytest.MonkeyPatch) -> None:
    def astray(run: str, egress: str, value: TypedValue) -> tuple[TypedValue, KafkaRecord]:
        _, expected = published(run, egress, value)
        return record_to_typed(KafkaRecord("bin", expected.value, expected.key)), expected

    monkeypatch.setattr("tests.flink.between.published", astray)
    monkeypatch.setattr("tests.flink.case_run.WAIT_SECONDS", 2.0)

    with pytest.raises(FlinkError, match="waiting for all that follows to happen"):
        await case("V38").function(FLINK.start)
