"""Single records of a gateway: what is known of one that fails, and when records can be written again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from statefun_actors.connectors.kafka import Fault, ProducerError, RecordProducer
from statefun_actors.connectors.kafka.producers import PRODUCER_DEFAULTS
from tests.kafka.broker import Broker
from tests.kafka.topics import SECONDS, Topics
from tests.kafka.waiting import until

pytestmark = pytest.mark.kafka

VALUE: Final = b"value"


async def produced(producer: RecordProducer, topic: str, value: bytes = VALUE) -> ProducerError | None:
    """Write a record; return why it was not acknowledged."""
    answer: asyncio.Future[ProducerError | None] = asyncio.get_running_loop().create_future()
    producer.produce(topic, "key", value, answer.set_result)
    return await asyncio.wait_for(answer, SECONDS)


@asynccontextmanager
async def started(address: str, topic: str) -> AsyncGenerator[RecordProducer]:
    producer = RecordProducer("gateway", address, {}, topic)
    producer.start()
    try:
        yield producer
    finally:
        await asyncio.to_thread(producer.close)


async def forwarding(to: str) -> asyncio.Server:
    """A listener that does not listen yet, and will forward to the broker at *to*, whose address clients then learn."""
    host, _, number = to.rpartition(":")

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        target.close()

    async def connected(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        broker, to_broker = await asyncio.open_connection(host, int(number))
        await asyncio.gather(copy(source, to_broker), copy(broker, target))

    return await asyncio.start_server(connected, "127.0.0.1", 0, start_serving=False)


async def test_records_can_be_written_again_once_brokers_answer_without_one(topics: Topics, broker: Broker) -> None:
    topic = topics.make()
    async with await forwarding(broker.address) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with started(address, topic) as producer:
            failed = await produced(producer, topic)
            down = producer.down
            await server.start_serving()
            await until(lambda: producer.down is None)
            taken = await produced(producer, topic)

    reason = f"no broker of {address} acknowledged it within 10 s"
    assert (failed, down, taken) == (ProducerError(Fault.UNKNOWN, reason), reason, None)


async def test_a_missing_topic_fails_its_own_records_only(
    topics: Topics, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    there, missing = topics.make(), topics.name("missing")
    async with started(broker.address, there) as producer:
        failed = await produced(producer, missing)
        down = producer.down
        again = await produced(producer, missing)
        taken = await produced(producer, there)

    reason = f"there is no topic '{missing}'"
    assert (failed, down, again, taken) == (
        ProducerError(Fault.NOT_TAKEN, reason),
        None,
        ProducerError(Fault.NOT_TAKEN, reason),
        None,
    )
    assert caplog.messages == [f"gateway: {reason}"]


async def test_the_brokers_decide_on_the_size_of_a_record(topics: Topics, broker: Broker) -> None:
    small = topics.make("small", 1, **{"max.message.bytes": "100"})
    large = topics.make("large", 1, **{"max.message.bytes": "2000000"})
    async with started(broker.address, small) as producer:
        refused = await produced(producer, small, bytes(1_000))
        taken = await produced(producer, large, bytes(1_500_000))

    assert refused == ProducerError(Fault.REFUSED, f"topic {small}: Broker: Message size too large")
    assert taken is None


async def test_after_a_fatal_error_a_new_producer_continues(
    topics: Topics, broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(PRODUCER_DEFAULTS, "enable.gapless.guarantee", "true")  # a failed record is a fatal error
    small, there = topics.make("small", 1, **{"max.message.bytes": "100"}), topics.make("there")
    async with started(broker.address, there) as producer:
        failed = await produced(producer, small, bytes(1_000))
        while (answer := await produced(producer, there)) is not None:
            assert answer.fault is Fault.NOT_TAKEN
            await asyncio.sleep(0.01)
        await until(lambda: producer.down is None)

    assert failed == ProducerError(Fault.REFUSED, f"topic {small}: Broker: Message size too large")
    [warning] = caplog.messages
    assert warning.startswith(f"gateway: ProduceRequest for {small} [0] with 1 message(s) failed: ")
    assert warning.endswith(": unable to satisfy gap-less guarantee; a new producer continues")
