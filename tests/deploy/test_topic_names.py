"""Default names of topics: each its own for brokers, which take ``.`` and ``_`` as one."""

from __future__ import annotations

import pytest

from statefun_actors import DefinitionError, Entity, handles, message
from statefun_actors.deploy import Wanted, WantedTopic, planned_module
from statefun_actors.deploy.gateway import gateway_topics
from statefun_actors.deploy.topic_names import topic_names
from tests.deploy.apps import Cart, functions, served

URL = "http://shop:8000"


@message("bank/deposit")
class BankDeposit:
    cents: int


@message("shop/deposit")
class ShopDeposit:
    cents: int


class Account(Entity, typename="bank/account"):
    @handles
    def of_bank(self, message: BankDeposit) -> None: ...

    @handles
    def of_shop(self, message: ShopDeposit) -> None: ...

    @handles
    def count(self, message: int) -> None: ...


def test_messages_whose_types_end_alike_have_topics_of_their_own() -> None:
    (ingress,) = planned_module(served(Account), Wanted(url=URL, kafka="k:9092", topics=None)).kafka_ingresses

    assert [(topic.topic, topic.value_type) for topic in ingress.topics] == [
        ("bank.account.bank.deposit", "bank/deposit"),
        ("bank.account.long", "io.statefun.types/long"),
        ("bank.account.shop.deposit", "shop/deposit"),
    ]


@pytest.mark.parametrize(
    ("messages", "names"),
    [
        (
            [("bank/account", "type.googleapis.com/v1.Deposit"), ("bank/account", "type.googleapis.com/v2.Deposit")],
            ["bank.account.v1.Deposit", "bank.account.v2.Deposit"],
        ),
        ([("a/b_c", "t/x"), ("a_b/c", "t/x")], ["a.b_c.t.x-dd994179", "a_b.c.t.x-bb2cf602"]),
        ([("a.b/c", "t/x"), ("a/b.c", "t/x"), ("a/d", "t/x")], ["a.b.c.t.x-3150d3de", "a.b.c.t.x-4e9dcc15", "a.d.x"]),
        ([("a/b", "t/ä"), ("a/b", "t/ö")], ["a.b.t.--f7f2322b", "a.b.t.--8108cd73"]),
    ],
)
def test_names_that_brokers_would_take_as_one_are_longer(messages: list[tuple[str, str]], names: list[str]) -> None:
    assert topic_names(messages) == names


def test_topics_of_gateways_that_brokers_would_take_as_one_differ() -> None:
    topics = [topic.topic for topic in gateway_topics("app", ["shop/order_line", "shop_order/line", "shop_order/x"])]

    assert topics == [
        "app.gateway",
        "app.gateway.shop.order_line",
        "app.gateway.shop_order.line-f5dd9681",
        "app.gateway.shop_order.x",
    ]


def test_a_topic_is_given_once_and_no_other_is_like_it_for_brokers() -> None:
    wanted = [
        WantedTopic("a.b", ["shop/cart"], "shop/add"),
        WantedTopic("a.b", ["shop/cart"], "shop/pay"),
        WantedTopic("a_b", ["shop/greeter"]),
        WantedTopic("the-shop.gateway", ["shop/greeter"]),
    ]
    with pytest.raises(DefinitionError) as caught:
        planned_module(
            served(Cart, functions), Wanted(url=URL, kafka="k:9092", name="the shop", topics=wanted, gateway=True)
        )

    assert caught.value.problems == (
        "topic a.b: it is given twice; give it once, with one type and all its targets",
        "topic a_b: brokers that have a.b take no topic of this name, which differs in . and _ only; rename one of "
        "them",
        "topic the-shop.gateway: it is given twice; give it once, with one type and all its targets",
    )
