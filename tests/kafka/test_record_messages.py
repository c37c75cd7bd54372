"""Records that the client fails to read in a way of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from statefun_actors.connectors.kafka.record_messages import BAD_RECORDS, Routes
from statefun_actors.deploy import Topic
from statefun_actors.engine import Engine, SystemClock
from statefun_actors.store import MemoryStore
from tests.engine.engines import inbox_of
from tests.kafka.runs import APP

if TYPE_CHECKING:
    from confluent_kafka import Message


class Unreadable:
    """No record of the client fails so today: headers do, and those are left out."""

    def value(self) -> bytes:
        raise SystemError("<method 'value'> returned a result with an exception set")

    def __getattr__(self, part: str) -> Any:
        parts = {"key": b"ada", "topic": "in", "partition": 0, "offset": 7, "timestamp": (1, 5)}
        return lambda: parts[part]


async def test_a_record_that_the_client_fails_to_read_is_kept_as_far_as_it_can_be_read() -> None:
    engine = Engine(APP, MemoryStore(), SystemClock())
    reason = "it can't be read: SystemError: <method 'value'> returned a result with an exception set"
    routes = Routes("kafka/in", [Topic(topic="in", value_type="kafka/add", targets=["kafka/counter"])])

    assert routes.deliver(cast("Message", Unreadable()), inbox_of(engine)) == reason

    (kept,) = engine._core.working_set.epoch.egress
    assert (kept.egress, msgspec.json.decode(kept.value.value)) == (BAD_RECORDS, {
        "ingress": "kafka/in", "topic": "in", "partition": 0, "offset": 7, "timestamp": 5, "reason": reason,
        "key": "ada", "value": None,
    })  # fmt: skip
