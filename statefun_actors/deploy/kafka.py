"""Reads Kafka ingresses and egresses of a module.yaml; 2.x and 3.x differ in a few names."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Final, Literal

from statefun_actors.deploy.components import FromDate, KafkaEgress, KafkaIngress, SpecificOffsets, Startup, Topic
from statefun_actors.deploy.gateway import is_gateway_topic
from statefun_actors.deploy.section import Section
from statefun_actors.model import OWN_PREFIX

_Startup = Literal["group-offsets", "earliest", "latest", "specific-offsets", "date"]
_Reset = Literal["earliest", "latest"]
_Delivery = Literal["exactly-once", "at-least-once", "none"]
_DATE: Final = "a date such as 2026-02-01 04:15:00.000 +0000"
_WRITTEN: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d{4}")
_SOME_DATE: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_ingress(id: str, spec: Section, *, old: bool = False) -> KafkaIngress:
    """Read the ingress *id*; *old*: of 2.x. Kafka's properties may contain its address and its group, too."""
    reset: _Reset = spec.one_of("autoOffsetResetPosition", _Reset, "latest", any_case=True)
    properties = spec.properties("properties")
    found = KafkaIngress(
        id=id,
        address=spec.text("address", "brokers, host:port", properties.get("bootstrap.servers")),
        group=spec.text("consumerGroupId", default=properties.get("group.id", "")) or None,
        startup=_startup(spec.optional_section("startupPosition")),
        reset=reset,
        forward_headers=None if old else spec.boolean("forwardHeaders"),
        topics=[_topic(topic, old=old) for topic in spec.sections("topics")],
        properties=properties,
        place=spec.place,
    )
    if not found.topics:
        spec.problem("topics", "a list of topics that is not empty")
    for topic, count in Counter(topic.topic for topic in found.topics).items():
        if count > 1:
            spec.problem("topics", "each topic once, with one type and all its targets", f"{topic} again")
    if found.group is None and (not old or found.startup == "group-offsets"):
        spec.problem("consumerGroupId", "the name of a group")
    spec.done()
    return found


def read_egress(id: str, spec: Section) -> KafkaEgress:
    """Read the egress *id*."""
    delivery: _Delivery = "at-least-once"
    timeout = None
    if (semantic := spec.optional_section("deliverySemantic")) is not None:
        if "type" not in semantic:
            semantic.problem("type", "one of exactly-once, at-least-once, none")
        delivery = semantic.one_of("type", _Delivery, "at-least-once")
        timeout = semantic.duration("transactionTimeout", None)
        # The name in 2.x, which 3.x still accepts.
        timeout = semantic.duration("transactionTimeoutMillis", timeout)
        if delivery == "exactly-once" and timeout is None:
            semantic.problem("transactionTimeout", "a duration such as 15min, which exactly-once needs")
        semantic.done()
    found = KafkaEgress(
        id=id,
        address=spec.text("address", "brokers, host:port"),
        delivery=delivery,
        transaction_timeout=timeout if delivery == "exactly-once" else None,
        properties=spec.properties("properties"),
        place=spec.place,
    )
    spec.done()
    return found


def _topic(section: Section, *, old: bool) -> Topic:
    topic = Topic(
        topic=section.text("topic", "the name of a topic"),
        value_type=section.string("typeUrl" if old else "valueType", "the typename of its records"),
        targets=section.typenames("targets", "function types"),
        forward_headers=None if old else section.boolean("forwardHeaders"),
    )
    reserved = [target for target in topic.targets if target.startswith(OWN_PREFIX)]
    if reserved and not is_gateway_topic(topic):
        section.problem("targets", "no function types of this library's namespace statefun-actors", repr(reserved[0]))
    section.done()
    return topic


def _startup(section: Section | None) -> Startup:
    if section is None:
        return "latest"
    if "type" not in section:
        section.problem("type", "one of group-offsets, earliest, latest, specific-offsets, date")
    kind: _Startup = section.one_of("type", _Startup, "latest")
    found: Startup
    if kind == "specific-offsets":
        found = SpecificOffsets(_offsets(section))
    elif kind == "date":
        found = FromDate(section.required("date", _DATE, _date, _SOME_DATE))
    else:
        found = kind
    section.done()
    return found


def _offsets(section: Section) -> dict[tuple[str, int], int]:
    offsets = {}
    for written, offset in section.properties("offsets").items():
        topic, _, partition = written.rpartition("/")
        if topic and partition.isdecimal() and offset.isdecimal():
            offsets[topic, int(partition)] = int(offset)
        else:
            section.problem("offsets", "a list of `<topic>/<partition>: offset`", f"'{written}: {offset}'")
    if "offsets" not in section:
        section.problem("offsets", "a list of `<topic>/<partition>: offset`")
    return offsets


def _date(text: str) -> datetime:
    if not _WRITTEN.fullmatch(text):  # StateFun accepts no other form
        raise ValueError(text)
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f %z")
