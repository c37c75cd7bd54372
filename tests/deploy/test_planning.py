"""The module.yaml that an application should have; and that what is written is read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from statefun_actors import DeadLetter, DefinitionError, Entity, handles, persisted
from statefun_actors.deploy import (
    ASYNC,
    OKHTTP,
    EagerState,
    EndpointComponent,
    KafkaEgress,
    KafkaIngress,
    Module,
    Topic,
    Transport,
    Wanted,
    WantedTopic,
    parse_module,
    planned_module,
    topic_name,
    write_module,
)
from statefun_actors.model import Expiration
from tests.deploy.apps import Cart, functions, served
from tests.deploy.strategies import new_modules, old_modules

URL = "http://shop:8000"


def test_an_application_gets_an_endpoint_a_namespace_its_topics_and_its_egresses() -> None:
    planned = planned_module(
        served(Cart, functions, body_limit=1000, record_egresses=["shop/records"]),
        Wanted(
            url=URL, kafka="k:9092", name="shop", group="shop", topics=[WantedTopic("adds", ["shop/cart"], "shop/add")]
        ),
    )

    exactly_once = timedelta(minutes=15)
    assert planned.components == [
        EndpointComponent(
            functions="shop/*",
            url="http://shop:8000/statefun",
            transport=Transport(call_timeout=timedelta(minutes=2), payload_max_bytes=1000),
        ),
        KafkaIngress(
            id="shop/messages",
            address="k:9092",
            group="shop",
            startup="earliest",
            topics=[Topic(topic="adds", value_type="shop/add", targets=["shop/cart"])],
        ),
        *(
            KafkaEgress(id=name, address="k:9092", delivery="exactly-once", transaction_timeout=exactly_once)
            for name in ("shop/audited", "shop/dead-letters", "shop/greetings", "shop/records")
        ),
    ]


def test_every_message_of_every_function_can_have_a_topic() -> None:
    planned = planned_module(served(Cart, functions), Wanted(url=URL, kafka="k:9092", topics=None))

    (ingress,) = planned.kafka_ingresses
    assert [(topic.topic, topic.value_type, topic.targets) for topic in ingress.topics] == [
        ("shop.cart.add", "shop/add", ["shop/cart"]),
        ("shop.cart.pay", "shop/pay", ["shop/cart"]),
        ("shop.greeter.pay", "shop/pay", ["shop/greeter"]),
    ]
    assert topic_name("eu/shop/cart", "type.googleapis.com/a.b.C") == "eu.shop.cart.C"


def test_a_topic_whose_targets_take_one_type_needs_no_type() -> None:
    wanted = Wanted(url=URL, kafka="k:9092", topics=[WantedTopic("pays", ["shop/cart", "shop/greeter"])])
    (ingress,) = planned_module(served(Cart, functions), wanted).kafka_ingresses

    assert [topic.value_type for topic in ingress.topics] == ["shop/pay"]


def test_the_states_are_listed_for_2_x() -> None:
    states = [
        EagerState(name="items", expiration=Expiration.AFTER_WRITE, ttl_ms=86_400_000),
        EagerState(name="sum"),
        EagerState(name="seen", expiration=Expiration.AFTER_CALL, ttl_ms=5_400_000),
    ]
    (old,) = planned_module(served(Cart), Wanted(url=URL, format="1.0")).endpoints
    (new,) = planned_module(served(Cart), Wanted(url=URL, format="2.0")).endpoints

    assert old.states == [EagerState(name="items"), EagerState(name="sum"), EagerState(name="seen")]
    assert new.states == states
    assert old.url == new.url == "http://shop:8000/statefun/v2"


def test_all_problems_of_a_plan_are_reported_at_once() -> None:
    topics = [
        WantedTopic("a", ["shop/none"]),
        WantedTopic("b", ["shop/cart"]),
        WantedTopic("c", ["shop/greeter"], "shop/add"),
        WantedTopic("d", ["shop/anything"]),
    ]
    with pytest.raises(DefinitionError) as caught:
        planned_module(served(Cart, functions), Wanted(url=URL, topics=topics))

    assert str(caught.value) == (
        "module.yaml has 5 problems:\n"
        "  - topic a: nothing here serves 'shop/none'; served are shop/anything, shop/cart, shop/greeter\n"
        "  - topic b: the type of its records is ambiguous for shop/cart; is it shop/add or shop/pay? "
        "Write TOPIC:TYPE=...\n"
        "  - topic c: shop/greeter does not take 'shop/add'; it takes shop/pay\n"
        "  - topic d: the type of its records is ambiguous for shop/anything; name it. Write TOPIC:TYPE=...\n"
        "  - topic c: where are its brokers? Give --kafka HOST:PORT"
    )


def test_positions_of_topics_are_kept_by_the_name_of_the_application_not_by_its_classes() -> None:
    wanted = Wanted(url=URL, kafka="k:9092", name="my shop/v1", topics=None)

    ids = [planned_module(served(*each), wanted).kafka_ingresses[0].id for each in ((Cart,), (Cart, functions))]

    assert ids == ["my-shop-v1/messages"] * 2


def test_settings_that_flink_would_refuse_or_ignore_are_reported() -> None:
    transport = {"payload_max_bytes": "32M", "pool": "5", "pool_size": "5", "call": "1m"}
    with pytest.raises(DefinitionError) as caught:
        planned_module(served(Cart), Wanted(url="shop:8000", kafka="k1:9092,k2", transport=transport))

    keys = (
        "a file of format 3.x has no such key there; it has connect, pool_ttl, pool_size, trust_cacerts, client_cert, "
        "client_key, client_key_password, timeouts.connect, type, payload_max_bytes"
    )
    assert str(caught.value) == (
        "module.yaml has 5 problems:\n"
        "  - url: expected a URL such as http://host:8000, got 'shop:8000'\n"
        "  - brokers: expected HOST:PORT, or several with commas between them, got 'k1:9092,k2'\n"
        "  - transport payload_max_bytes: expected a number of bytes, got '32M'\n"
        f"  - transport pool: {keys}\n"
        f"  - transport call: {keys}; set the timeout of a call by --call-timeout"
    )


def test_the_keys_of_a_transport_depend_on_the_format_and_its_type() -> None:
    assert planned_module(served(Cart), Wanted(url="http+unix:///shop.sock")).endpoints
    for format, transport, text in (
        (
            "1.0",
            {"readTimeout": "1min"},
            "transport readTimeout: a file of format 1.0 has no such key there; it has none",
        ),
        ("3.x", {"type": "tcp"}, f"transport type: expected {ASYNC} or {OKHTTP}, got 'tcp'"),
        ("3.x", {"type": OKHTTP, "pool_size": "5"}, "it has timeouts.connect, timeouts.read, timeouts.write, type"),
    ):
        with pytest.raises(DefinitionError) as caught:
            planned_module(served(Cart), Wanted(url=URL, format=format, transport=transport))  # type: ignore[arg-type]
        assert text in str(caught.value)
    for format, transport in (("2.0", {"readTimeout": "1min"}), ("3.x", {"type": OKHTTP, "timeouts.read": "1min"})):
        module = planned_module(served(Cart), Wanted(url=URL, format=format, transport=transport))  # type: ignore[arg-type]
        assert parse_module(write_module(module)) == module


@pytest.mark.parametrize(("seconds", "minutes"), [(None, 1), (50, 1), (55, 1), (56, 2), (120, 3)], ids=str)
def test_flink_waits_longer_than_the_longest_handler(seconds: float | None, minutes: int) -> None:
    from statefun_actors import Entity, handles

    class Waiting(Entity, typename="shop/waiting"):
        @handles(int)
        async def wait(self, message: int) -> None: ...

    (endpoint,) = planned_module(served(Waiting, handler_timeout=seconds), Wanted(url=URL)).endpoints

    assert endpoint.transport.call_timeout == timedelta(minutes=minutes)


def test_the_transport_is_as_it_is_wanted() -> None:
    wanted = Wanted(
        url="http://shop/{function.name}/x",
        per_function=True,
        call_timeout=timedelta(seconds=9),
        transport={"pool_size": "7", "payload_max_bytes": "5"},
    )
    endpoints = planned_module(served(functions), wanted).endpoints

    transport = Transport(call_timeout=timedelta(seconds=9), payload_max_bytes=5, options={"pool_size": "7"})
    assert [(each.functions, each.url, each.transport) for each in endpoints] == [
        ("shop/anything", "http://shop/{function.name}/x", transport),
        ("shop/greeter", "http://shop/{function.name}/x", transport),
    ]


def test_dead_letters_of_the_application_are_an_egress() -> None:
    reported = served(functions, on_failure=DeadLetter("all/letters"))

    assert reported.all_egresses == {
        "all/letters": "the application's dead letters",
        "shop/dead-letters": "the dead letters of anything",
        "shop/greetings": "greet",
    }


# --- what is written is read


@given(new_modules())
def test_a_written_file_for_3_x_is_read_as_it_was(module: Module) -> None:
    read = parse_module(write_module(module))

    assert read == module
    assert read.ignored == []


@given(old_modules())
def test_a_written_file_for_2_x_is_read_with_the_same_components(module: Module) -> None:
    read = parse_module(write_module(module))

    assert read.format == module.format
    assert all(component in read.components for component in module.components)
    assert len(read.components) == len(module.components)


def test_a_file_is_written_as_people_write_it() -> None:
    module = Module(
        components=[
            EndpointComponent(
                functions="shop/*", url="http://shop/statefun", transport=Transport(options={"pool_size": "7"})
            ),
            KafkaEgress(id="shop/out", address="k:9092", properties={"linger.ms": "20", "client.id": "on"}),
        ]
    )

    assert write_module(module) == (
        "kind: io.statefun.endpoints.v2/http\n"
        "spec:\n"
        "  functions: shop/*\n"
        "  urlPathTemplate: http://shop/statefun\n"
        "  maxNumBatchRequests: 1000\n"
        "  transport:\n"
        f"    type: {ASYNC}\n"
        "    call: 1min\n"
        "    payload_max_bytes: 33554432\n"
        "    pool_size: 7\n"
        "---\n"
        "kind: io.statefun.kafka.v1/egress\n"
        "spec:\n"
        "  id: shop/out\n"
        "  address: k:9092\n"
        "  deliverySemantic:\n"
        "    type: at-least-once\n"
        "  properties:\n"
        "    - linger.ms: 20\n"
        "    - client.id: 'on'\n"
    )


def test_format_1_0_refuses_entities_that_end_since_it_can_t_say_so() -> None:
    class Session(Entity, typename="shop/session", expire_after_call=timedelta(days=7)):
        page: str = persisted(default="/")
        seen: int = persisted(default=0, expire_after_write=timedelta(hours=1))

        @handles(str)
        def visit(self, message: str) -> None: ...

    with pytest.raises(DefinitionError) as raised:
        planned_module(served(Session), Wanted(url=URL, format="1.0", delivery="none"))
    assert raised.value.problems == (
        "shop/session: format 1.0 has no expire_after_call=, so its entities would never expire; give "
        "--format 2.0 (StateFun 2.2) or 3.x",
    )

    [endpoint] = planned_module(served(Session), Wanted(url=URL, format="2.0", delivery="none")).components
    assert isinstance(endpoint, EndpointComponent)
    assert endpoint.states == [
        EagerState(name="page", expiration=Expiration.AFTER_CALL, ttl_ms=7 * 24 * 60 * 60 * 1000),
        EagerState(name="seen", expiration=Expiration.AFTER_WRITE, ttl_ms=60 * 60 * 1000),
    ]
