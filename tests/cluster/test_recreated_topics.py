"""A topic that was deleted since a savepoint: its positions there belong to no record of a new topic of its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from statefun_actors.deploy import KafkaIngress, Module, Topic, gone_topics, lost_positions, recreated_topics
from tests.cluster.test_resuming import STOPS, module_file, said, savepoint
from tests.kafka.broker import CLUSTER
from tests.kafka.session import broker as running_broker
from tests.kafka.topics import Topics

pytestmark = pytest.mark.needs("java")

OLD, NEW = "FVRZjHGPTI207YqOT1TAvQ", "pJn5RzJxSx2bkQ7VrK3u0A"


def local_broker(folder: Path, **ids: str) -> None:
    """The log of a local broker with topics of these *ids*."""
    log = folder / "cluster" / "kafka" / "log"
    log.mkdir(parents=True, exist_ok=True)
    (log / "meta.properties").write_text("#\nversion=1\ncluster.id=ours\nnode.id=1\n")
    for topic, id in ids.items():
        (log / f"{topic}-0").mkdir(exist_ok=True)
        (log / f"{topic}-0" / "partition.metadata").write_text(f"version: 0\ntopic_id: {id}")


def state(folder: Path, cluster: str, id: str, topic: str = "orders") -> Path:
    """A savepoint with positions in *topic*."""
    return savepoint(folder, {"ingress app/messages": cluster, "topics": {"app/messages": {topic: id}}})


def refusal(place: Path, what: str) -> str:
    return (
        f"Error: cannot resume from {place}:\n"
        f"  - topic {what}: its positions belong to records that are gone, and the first records of the new topic "
        "would be skipped.\n"
        "  Give such a topic an ingress of its own in a --module FILE, with an id that the state does not know: it is "
        "read from its start position. Or start without the state.\n"
    )


def test_a_topic_of_the_local_broker_is_refused_until_an_ingress_of_its_own_reads_it(tmp_path: Path) -> None:
    place, module = state(tmp_path, "ours", OLD), module_file(tmp_path)
    resume = ("--kafka", "--module", str(module), "--from-savepoint", str(place))
    local_broker(tmp_path, orders=OLD)
    same = said(tmp_path, *resume, *STOPS)
    local_broker(tmp_path, orders=NEW)
    other = said(tmp_path, *resume, *STOPS)
    module.write_text(module.read_text().replace("app/messages", "app/anew"))
    anew = said(tmp_path, *resume, *STOPS)

    assert same.splitlines()[-1].startswith("Error: can't listen at nowhere")
    assert other == refusal(
        place,
        "orders, which the ingress app/messages reads, was deleted and made anew since (its id was "
        f"{OLD} and is {NEW})",
    )
    assert anew.splitlines()[-1].startswith("Error: can't listen at nowhere")


def test_a_topic_that_the_local_broker_would_make_anew_is_refused(tmp_path: Path) -> None:
    place = state(tmp_path, "ours", OLD)
    local_broker(tmp_path)
    leftover = tmp_path / "cluster" / "kafka" / "log" / "orders-0.5791d942ad5d473283c6bd8d0dfe6e2e-delete"
    leftover.mkdir()
    (leftover / "partition.metadata").write_text(f"version: 0\ntopic_id: {OLD}")

    assert said(tmp_path, "--kafka", "--module", str(module_file(tmp_path)), "--from-savepoint", str(place)) == refusal(
        place, f"orders, which the ingress app/messages reads, was deleted since (its id was {OLD})"
    )


@pytest.mark.parametrize("topics", [{}, {"app/messages": {}}, {"app/messages": {"orders": None}}, "orders", None])
def test_a_state_whose_topics_are_unknown_is_taken(topics: object, tmp_path: Path) -> None:
    place = savepoint(tmp_path, {"ingress app/messages": "ours", "topics": topics})
    local_broker(tmp_path, orders=NEW)

    lines = said(tmp_path, "--kafka", "--module", str(module_file(tmp_path)), "--from-savepoint", str(place), *STOPS)

    assert lines.splitlines()[-1].startswith("Error: can't listen at nowhere")


@pytest.mark.kafka
def test_topics_of_brokers_elsewhere_are_compared(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    topics = Topics(running_broker().address, request.node.name)
    name = topics.make()
    place = state(tmp_path, CLUSTER, OLD, name)
    module = module_file(tmp_path, topics.address)
    module.write_text(module.read_text().replace("topic: orders", f"topic: {name}"))
    resume = ("--module", str(module), "--from-savepoint", str(place))

    refused = said(tmp_path, *resume, *STOPS)
    now = refused.partition("and is ")[2].partition(")")[0]
    (place / "statefun-actors-kafka.json").write_text(json.dumps({"topics": {"app/messages": {name: now}}}))
    taken = said(tmp_path, *resume, *STOPS)

    assert refused == "Asking the brokers.\n" + refusal(
        place,
        f"{name}, which the ingress app/messages reads, was deleted and made anew since (its id was {OLD} and is "
        f"{now})",
    )
    assert taken.splitlines()[-1].startswith("Error: can't listen at nowhere")


def test_a_position_in_a_topic_that_is_gone_is_no_loss() -> None:
    def module(ingress: str) -> Module:
        topics = [Topic(topic="orders", value_type="a/b", targets=["a/c"])]
        return Module(components=[KafkaIngress(id=ingress, address="k:9092", topics=topics)])

    before, now = {"a/in": {"orders": OLD}}, {"a/anew": {"orders": NEW}}

    assert [each.topic for each in lost_positions(module("a/in"), module("a/anew"))] == ["orders"]
    assert lost_positions(module("a/in"), module("a/anew"), gone_topics(before, now)) == []
    assert recreated_topics(before, now, module("a/anew")) == []
    assert gone_topics(before, {"a/in": {"orders": OLD}}) == gone_topics(before, {}) == set()
