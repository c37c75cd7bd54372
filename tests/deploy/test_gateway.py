"""What a gateway needs in a module.yaml: written, checked, and left out where a run is its own gateway."""

from __future__ import annotations

import re

import attrs
import pytest

from statefun_actors.asking import ANSWERS, ORDER, REQUEST
from statefun_actors.deploy import (
    EndpointComponent,
    KafkaEgress,
    KafkaIngress,
    Module,
    Topic,
    Wanted,
    answers_topics,
    differences,
    functions_elsewhere,
    gateway_routes,
    own_answers_topic,
    parse_module,
    planned_module,
    without_gateway,
    write_module,
)
from statefun_actors.deploy.gateway import gateway_topics
from statefun_actors.errors import DefinitionError
from tests.deploy.apps import Cart, functions, served
from tests.deploy.test_own_functions import Order

BROKERS = "kafka:9092"
WANTED = Wanted(url="http://shop:8000", kafka=BROKERS, name="the shop", gateway=True)


def requests(*topics: tuple[str, str, str]) -> KafkaIngress:
    found = [Topic(topic=topic, value_type=type, targets=[target]) for topic, type, target in topics]
    return KafkaIngress(
        id="the-shop/requests", address=BROKERS, group="statefun-actors", startup="earliest", topics=found
    )


def test_each_function_type_gets_a_topic_of_requests_and_answers_get_an_egress() -> None:
    planned = planned_module(served(Cart, Order), WANTED)

    assert [endpoint.functions for endpoint in planned.endpoints] == ["shop/*", "statefun-actors/*"]
    assert planned.kafka_ingresses == [
        requests(
            ("the-shop.gateway", ORDER, "statefun-actors/ingress"),
            ("the-shop.gateway.shop.cart", REQUEST, "shop/cart"),
            ("the-shop.gateway.shop.order", REQUEST, "shop/order"),
            ("the-shop.gateway.statefun-actors.reply", REQUEST, "statefun-actors/reply"),
        )
    ]
    assert KafkaEgress(id=ANSWERS, address=BROKERS, delivery="at-least-once") in planned.kafka_egresses
    assert gateway_routes(planned).answers_topic == "the-shop.gateway.answers"


def test_function_types_never_share_a_topic() -> None:
    long = "n" * 120
    names = ["a.b/c", "a/b.c", "a/b", "a/b/c", "ä/c", "ö/c", f"{long}/a", f"{long}/b", "a-b/c", "a/b-c"]
    topics = [topic.topic for topic in gateway_topics("app", names)]

    assert len(set(topics)) == len(topics)
    assert all(len(topic) < 240 and re.fullmatch(r"[A-Za-z0-9._-]+", topic) for topic in topics)
    assert topics[3] == "app.gateway.a.b"
    assert topics[1].startswith("app.gateway.a.b.c-")


def test_a_topic_with_two_targets_is_none_of_a_gateway() -> None:
    both = Topic(topic="both", value_type=REQUEST, targets=["shop/cart", "shop/order"])
    endpoint = EndpointComponent(functions="shop/*", url="http://shop:8000/statefun")
    module = Module(format="3.x", components=[endpoint, attrs.evolve(requests(), topics=[both])])

    assert gateway_routes(module).requests == {}


def test_an_application_without_asks_has_no_topic_of_replies_but_its_endpoint_has_the_ingress_function() -> None:
    planned = planned_module(served(Cart), attrs.evolve(WANTED, per_function=True))

    assert [endpoint.functions for endpoint in planned.endpoints] == ["shop/cart", "statefun-actors/ingress"]
    assert "statefun-actors/reply" not in gateway_routes(planned).requests


def test_a_written_file_is_read_as_it_was_and_does_not_differ() -> None:
    declared = served(Cart, Order)
    planned = planned_module(declared, WANTED)

    assert parse_module(write_module(planned)).components == planned.components
    assert differences(planned, declared) == []


def test_without_the_gateway_nothing_of_it_is_left() -> None:
    declared = served(Cart, Order)

    left = without_gateway(planned_module(declared, WANTED))

    assert left == planned_module(declared, attrs.evolve(WANTED, gateway=False))


def test_a_part_that_is_missing_is_a_difference() -> None:
    declared = served(Cart)
    planned = planned_module(declared, WANTED)
    rest = [
        each
        for each in planned.components
        if not (isinstance(each, KafkaEgress) and each.id == ANSWERS)
        and not (isinstance(each, EndpointComponent) and each.functions == "statefun-actors/*")
    ]

    assert [each.what for each in differences(attrs.evolve(planned, components=rest), declared)] == [
        "the-shop/requests: topic the-shop.gateway leads to statefun-actors/ingress, which has no endpoint",
        "statefun-actors/answers is the egress of a gateway's answers, but is not defined: Flink fails the job at the "
        "first record",
    ]


def test_a_gateway_needs_brokers_and_format_3_x() -> None:
    with pytest.raises(DefinitionError) as caught:
        planned_module(served(functions), attrs.evolve(WANTED, kafka=None, format="2.0"))

    assert caught.value.problems == (
        "gateway: it needs format 3.x, not 2.0",
        "gateway: where are its brokers? Give --kafka HOST:PORT",
    )


def test_a_plain_topic_is_used_only_if_it_has_one_target() -> None:
    one = Topic(topic="one", value_type="shop/add", targets=["shop/cart"])
    two = Topic(topic="two", value_type="shop/pay", targets=["shop/cart", "shop/greeter"])
    ingress = KafkaIngress(id="shop/in", address=BROKERS, group="g", topics=[one, two])

    endpoint = EndpointComponent(functions="shop/*", url="http://shop:8000/statefun")
    routes = gateway_routes(Module(components=[endpoint, ingress]))

    assert list(routes.plain) == [("shop/cart", "shop/add")]
    assert (routes.requests, routes.answers_topic) == ({}, None)


def test_the_topics_of_answers_are_those_of_all_applications_of_the_job() -> None:
    topics = [topic for name in ("shop", "loans") for topic in gateway_topics(name, ["shop/cart"])]
    ingress = KafkaIngress(id="shop/in", address=BROKERS, group="g", topics=topics)

    assert answers_topics(Module(components=[ingress])) == {own_answers_topic("shop"), own_answers_topic("loans")}
    assert own_answers_topic("shop") == "shop.gateway.answers"


def test_functions_elsewhere_are_those_of_endpoints_that_serve_nothing_of_the_application() -> None:
    url = "http://shop:8000/statefun"
    names = ["shop/*", "shop/payment", "loans/*", "statefun-actors/*"]
    module = Module(components=[EndpointComponent(functions=name, url=url) for name in names])

    assert functions_elsewhere(module, served(Cart, Order)) == {"shop/payment", "loans/*"}
