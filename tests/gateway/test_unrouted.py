"""Function types that module.yaml does not route: a message to one would fail the Flink job, so no door takes it."""

from __future__ import annotations

import pytest

from statefun_actors import Address
from statefun_actors.asking import ANSWERS, ORDER, REPLY, REQUEST
from statefun_actors.cli.gateway.command import limits
from statefun_actors.deploy import EndpointComponent, KafkaEgress, KafkaIngress, Module, Topic, gateway_routes
from statefun_actors.dispatch import Application
from statefun_actors.gateway import Exchange, Gateway
from statefun_actors.ingress import Answer, GivenUp, IngressMessage, NotTaken, ReplyMessage, Wait
from statefun_actors.model import INGRESS
from statefun_actors.types import pack
from tests.client.bank import Account, Loan

NOBODY = "127.0.0.1:1"
ADA, LOAN = Address("bank/account", "ada"), Address("loans/loan", "1")
TYPES = {ADA.typename: REQUEST, LOAN.typename: REQUEST, REPLY: REQUEST, INGRESS: ORDER}


def module(*functions: str) -> Module:
    """One with the topics of a gateway for TYPES, and endpoints for *functions*."""
    topics = [Topic(topic=f"bank.{at}", value_type=type, targets=[to]) for at, (to, type) in enumerate(TYPES.items())]
    topics.append(Topic(topic="plain", value_type=pack(1).typename, targets=[LOAN.typename]))
    endpoints = [EndpointComponent(functions=name, url="http://app:8000/statefun") for name in functions]
    return Module(
        components=[
            *endpoints,
            KafkaIngress(id="bank/requests", address=NOBODY, group="bank", startup="earliest", topics=topics),
            KafkaEgress(id=ANSWERS, address=NOBODY, delivery="at-least-once"),
        ]
    )


ROUTES = gateway_routes(module("bank/*", INGRESS))


def refusal(function: str) -> GivenUp:
    return GivenUp(
        f"module.yaml has no endpoint for {function}, so a message to it would fail the Flink job; write it again with "
        "`statefun-actors module APP --gateway`, and restart the job and this gateway with it"
    )


@pytest.mark.parametrize(
    "message",
    [
        IngressMessage(LOAN, pack(1)),
        IngressMessage(LOAN, pack(1), wait=Wait.HANDLED),
        IngressMessage(LOAN, pack(1), wait=Wait.REPLY),
        IngressMessage(LOAN, pack(1), key="k"),
        IngressMessage(LOAN, pack(1), key="k", wait=Wait.REPLY),
        IngressMessage(LOAN, pack(1), delay_ms=1000),
    ],
)
def test_a_message_to_one_is_refused_before_anything_is_written(message: IngressMessage) -> None:
    answers: list[Answer] = []

    Gateway(ROUTES).take(message, answers.append)

    assert answers == [refusal("loans/loan")]


def test_lines_are_refused_as_a_whole() -> None:
    answers: list[Answer] = []

    Gateway(ROUTES).take_all([IngressMessage(ADA, pack(1)), IngressMessage(LOAN, pack(1))], answers.append)

    assert answers == [refusal("loans/loan")]


def test_replies_are_refused_where_the_reply_function_has_no_endpoint() -> None:
    answers: list[Answer] = []

    Gateway(ROUTES).take(ReplyMessage("token", lambda _: pack(1)), answers.append)

    assert answers == [refusal(REPLY)]


def test_a_restore_is_refused_and_what_is_routed_is_not() -> None:
    answers: list[Answer] = []
    exchange = Exchange(ROUTES)
    for target in (LOAN, ADA):
        exchange.ask_once(target, "k", "d", pack(1), None, Wait.TAKEN, answers.append)

    assert answers == [refusal("loans/loan"), NotTaken("the topic bank.3.answers of the answers can't be read now")]


@pytest.mark.parametrize("functions", [("bank/account",), ("bank/*",)])
def test_a_route_is_that_of_a_function_type_or_of_its_namespace(functions: tuple[str, ...]) -> None:
    routes = gateway_routes(module(*functions))

    assert [name for name in (*TYPES, "bank/account/x", "bankaccount/x") if routes.reach(name)] == ["bank/account"]
    assert list(routes.requests) == ["bank/account"]
    assert routes.plain == {}


def test_the_start_warns_of_each_class_without_a_route() -> None:
    assert limits(Application(Account, Loan), gateway_routes(module("bank/account", INGRESS))) == [
        "it has no endpoint for bank/loan: messages to it are refused, since they would fail the Flink job."
    ]
