"""Apache's StateFun takes headers of messages and Kafka records, fields that it does not know."""

from __future__ import annotations

from datetime import timedelta

import pytest

from statefun_actors import Entity, NoAnswer, answers, handles, kafka_record
from tests.flink.conformance import start
from tests.flink.session import kafka_session
from tests.kafka.session import broker
from tests.kafka.topics import Topics
from tests.last_use import FLINK_OVER_KAFKA
from tests.telemetry.spans import Spans, ids, parent

pytestmark = [pytest.mark.flink, pytest.mark.kafka]


class Traced(Entity, typename="conf/traced"):
    @handles(str)
    def begin(self, message: str) -> None:
        self.send(Traced.at("bob"), 1)
        self.send_after(timedelta(seconds=1), Traced.at("cid"), b"later")
        self.send_egress("conf/kafka", kafka_record(topic="t", key="traced", value=message))
        self.ask(Traced.at("dan"), 1.5, then=self.answered)

    @handles(int)
    def go_on(self, message: int) -> None:
        pass

    @handles(float)
    def double(self, message: float) -> float:
        return 2 * message

    @answers
    def answered(self, answer: float | NoAnswer) -> None:
        pass

    @handles(bytes)
    def come_late(self, message: bytes) -> None:
        pass


async def test_a_trace_goes_on_from_function_to_function_and_not_to_kafka() -> None:
    spans = Spans()
    topics = Topics(broker(FLINK_OVER_KAFKA).address, "headers")
    kafka_session()  # it makes the topics
    before = topics.size("t")

    async with start(Traced, instruments=[spans.traces()]) as engine:
        await engine.tell(Traced.at("ada"), "hello")
        await engine.advance(1)

    begin = spans.of("Traced.begin")
    assert parent(begin) is None
    for name in ("go_on", "come_late", "double"):
        assert parent(spans.of(f"Traced.{name}")) == ids(begin)
    assert parent(spans.of("Traced.answered")) == ids(spans.of("Traced.double"))
    written = [record for record in topics.read("t", topics.size("t"))[before:] if record.key() == b"traced"]
    assert [(record.value(), record.headers()) for record in written] == [(b"hello", None)]
