"""A record without a key, at which Flink fails, is found where Flink reads on."""

from __future__ import annotations

import attrs
import pytest

from statefun_actors.cli.flink.causes import explanation
from statefun_actors.cluster.reserved_ports import ReservedPort
from statefun_actors.connectors.kafka import keyless_record
from statefun_actors.deploy import KafkaIngress, Module, SpecificOffsets, Startup, Topic
from tests.kafka.topics import Topics

pytestmark = pytest.mark.kafka

CAUSE = "IllegalStateException: The io.statefun.kafka.v1/ingress ingress requires a UTF-8 key set for each record."


def ingress(topics: Topics, address: str | None = None, startup: Startup = "earliest") -> KafkaIngress:
    return KafkaIngress(
        id="shop/in", address=address or topics.address, group=topics.name("group"), startup=startup,
        topics=[Topic(topic=topics.name("in"), value_type="shop/add", targets=["shop/cart"])],
    )  # fmt: skip


def test_the_first_record_without_a_key_after_the_offsets_of_the_group_is_found(topics: Topics) -> None:
    name = topics.make(partitions=2)
    topics.write(name, [("a", b"0"), (None, b"1"), ("a", b"2"), (None, b"3")], partition=1)

    assert str(keyless_record(ingress(topics))) == f"topic {name}, partition 1, offset 1"

    topics.note("group", name, [0, 2])
    assert explanation(CAUSE, Module(components=[ingress(topics)])) == (
        f"A Kafka record has no key, in which StateFun finds the id: topic {name}, partition 1, offset 3. The job "
        "fails at it each time. Write records with keys; run --module keeps one without in statefun-actors/bad-records."
    )

    topics.note("group", name, [0, 4])
    assert keyless_record(ingress(topics)) is None


def test_one_before_the_start_is_not_named(topics: Topics) -> None:
    name = topics.make(partitions=2)
    topics.write(name, [(None, b"0"), (None, b"1"), ("a", b"2"), (None, b"3")], partition=1)
    from_2 = SpecificOffsets({(name, 0): 0, (name, 1): 2})

    assert keyless_record(ingress(topics, startup="latest")) is None
    assert str(keyless_record(ingress(topics, startup=from_2))) == f"topic {name}, partition 1, offset 3"
    without_group = attrs.evolve(ingress(topics), group=None)
    assert str(keyless_record(without_group)) == f"topic {name}, partition 1, offset 0"


def test_without_an_answer_of_the_brokers_the_topics_are_named(topics: Topics) -> None:
    port = ReservedPort()  # nobody listens there
    found = explanation(CAUSE, Module(components=[ingress(topics, f"127.0.0.1:{port.number}")]))

    port.release()
    assert found is not None
    assert f"finds the id: it is in one of {topics.name('in')}. The job" in found


def test_transactions_that_the_brokers_do_not_know_are_explained() -> None:
    assert explanation(
        "org.apache.kafka.common.errors.InvalidPidMappingException: The producer", Module(components=[])
    ) == (
        "The brokers do not know the transactions in the state: they belong to another Kafka cluster, or the state is "
        "older than transactional.id.expiration.ms of the brokers, 7 days by default. The job fails at each start."
    )
    assert explanation("another cause", Module(components=[])) is None
