"""Records for topics that this program may not write wait for the permission, and those for other topics go on."""

from __future__ import annotations

import pytest
from confluent_kafka.admin._acl import AclOperation

from tests.kafka.runs import add, ingress, running
from tests.kafka.test_egress import BOTH, OUT, egress, send, until_idle, writing
from tests.kafka.test_missing_topics import numbered, values
from tests.kafka.topics import Topics
from tests.kafka.waiting import until

pytestmark = pytest.mark.kafka


def denied(*topics: str) -> str:
    named = " or ".join(map(repr, topics))
    return (
        f"the brokers deny writes to topic {named} (grant WRITE and DESCRIBE), whose records wait; others are written"
    )


@BOTH
@pytest.mark.parametrize("what", [AclOperation.WRITE, AclOperation.DESCRIBE])
async def test_a_topic_without_permission_holds_up_only_its_own_records(
    topics: Topics, delivery: str, what: AclOperation, caplog: pytest.LogCaptureFixture
) -> None:
    out, secret = topics.make("out"), topics.make("secret")
    topics.deny(secret, what)
    async with writing(egress(topics, delivery)) as engine:
        send(engine, *numbered(secret, range(5)), *numbered(out, range(5)))
        await until_idle(engine)
        send(engine, *numbered(out, range(5, 10)), *numbered(secret, range(5, 10)))
        await until_idle(engine)

        assert values(topics, out, 10) == [*range(10)]
        assert engine.view.egress_kept == 10
        assert engine.view.failing_egress[OUT].reason == denied(secret)

        topics.allow(secret, what)
        await until(lambda: not engine.view.egress_kept)
        assert values(topics, secret, 10) == [*range(10)]
        assert OUT not in engine.view.failing_egress
    assert caplog.messages == [
        f"egress {OUT}: {denied(secret)}", f"egress {OUT}: writes to topic {secret!r} succeed now",
    ]  # fmt: skip


@pytest.mark.parametrize("what", [AclOperation.READ, AclOperation.DESCRIBE])
async def test_an_ingress_names_the_topic_that_it_may_not_read_and_waits_for_the_permission(
    topics: Topics, what: AclOperation, caplog: pytest.LogCaptureFixture
) -> None:
    there, secret = topics.make("there"), topics.make("secret")
    topics.write(there, [("ada", add(1))])
    topics.write(secret, [("bob", add(2))])
    topics.deny(secret, what)
    async with running(ingress(topics.address, there, secret)) as run:
        refused = f"Kafka ingress kafka/in: topic {secret}: Broker: Topic authorization failed; retrying"
        await run.until(lambda: refused in caplog.messages)
        topics.allow(secret, what)
        await run.until(lambda: (run.amounts("ada"), run.amounts("bob")) == ([1], [2]))
