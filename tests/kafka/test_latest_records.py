"""The records that are written from now on, without a store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from confluent_kafka import Message

from statefun_actors.connectors.kafka import LatestRecords
from tests.kafka.topics import Topics
from tests.kafka.waiting import until

pytestmark = pytest.mark.kafka


async def test_a_callback_that_raises_loses_no_other_record(topics: Topics) -> None:
    name, values, raised = topics.make(), list[bytes | None](), list[object]()

    def on_record(record: Message) -> None:
        values.append(record.value())
        if record.value() == b"bad":
            raise LookupError("bad")

    def on_error(_: object, context: dict[str, Any]) -> None:
        raised.append(context["exception"])

    asyncio.get_running_loop().set_exception_handler(on_error)
    records = LatestRecords("test/latest", topics.address, {}, name, on_record)
    records.start()
    await until(lambda: records.reading)
    topics.write(name, [("key", b"good"), ("key", b"bad"), ("key", b"better")])
    await until(lambda: values[2:])
    await asyncio.to_thread(records.close)

    assert values == [b"good", b"bad", b"better"]
    assert [repr(error) for error in raised] == ["LookupError('bad')"]
