"""One Flink job with an application in Python, one on the official SDK of Java, and one on that of JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf.any_pb2 import Any

from statefun_actors import TypedValue
from statefun_actors.client import Client
from statefun_actors.types import pack
from tests.gateway.session import GatewayJob, gateway, gateway_job
from tests.kafka.topics import Topics
from tests.polyglot import applications
from tests.polyglot.greeter import Login
from tests.polyglot.traveller import Parcel, Place, Traveller, Visit, told

pytestmark = [pytest.mark.flink, pytest.mark.kafka, pytest.mark.needs("java", "node")]


@pytest.fixture
def job() -> GatewayJob:
    job = gateway_job()
    applications.start()
    return job


@pytest.fixture
def client(job: GatewayJob) -> Iterator[Client]:
    with Client(gateway().url, timeout=60) as client:
        yield client


def read(topics: Topics, topic: str, count: int) -> set[tuple[str, str]]:
    """The keys and values of the topic, once it has *count* records."""
    records = topics.read(topic, count)
    return {((record.key() or b"").decode(), (record.value() or b"").decode()) for record in records}


def test_an_order_is_priced_in_java_and_labelled_in_javascript(job: GatewayJob) -> None:
    topics = Topics(job.broker.address, "polyglot")
    orders = {"1": Place("FR", 1_000), "2": Place("FR", 3_000), "3": Place("JP", 200)}
    topics.write("orders", [(id, pack(place).value) for id, place in orders.items()])

    receipts = {id: json.loads(value) for id, value in read(topics, "receipts", 3)}
    means = read(topics, "means", 3)

    labels = {receipt.pop("label") for receipt in receipts.values()}
    assert receipts == {
        "1": {"cents": 600, "refused": ""},
        "2": {"cents": 800, "refused": ""},
        "3": {"cents": 1220, "refused": ""},
    }
    assert labels in ({"FR-1 1", "FR-2 2", "JP-1 3"}, {"FR-1 2", "FR-2 1", "JP-1 3"})
    assert means >= {("FR", "700.00"), ("JP", "1220.00")}
    assert means - {("FR", "700.00"), ("JP", "1220.00")} <= {("FR", "600.00"), ("FR", "800.00")}


def test_a_greeter_on_the_sdk_of_java_runs_beside_an_entity_that_reads_the_same_records(job: GatewayJob) -> None:
    topics = Topics(job.broker.address, "greeter")
    logins = [("ada", "Ada"), ("bob", "Bob"), ("ada", "Ada"), ("ada", "Ada")]
    topics.write("logins", [(id, pack(Login(name)).value) for id, name in logins])

    assert read(topics, "greetings", 8) == {
        ("ada", "Welcome Ada: 1"),
        ("ada", "Welcome back, Ada: 2"),
        ("ada", "Welcome back, Ada: 3"),
        ("ada", "Welcome Ada of Python: 1"),
        ("ada", "Welcome back, Ada of Python: 2"),
        ("ada", "Welcome back, Ada of Python: 3"),
        ("bob", "Welcome Bob: 1"),
        ("bob", "Welcome Bob of Python: 1"),
    }


def test_a_function_in_java_answers_at_the_address_in_its_message(client: Client) -> None:
    assert client.ask(Traveller.at("eve"), "come home", str) == told("come home")


VALUES: Sequence[tuple[object, object]] = [
    (True, False),
    (False, True),
    (7, -7),
    (0, 0),
    (-(2**62), 2**62),
    (2**53 + 1, -(2**53) - 1),
    (0.1, -0.1),
    ("tëst", "tsët"),
    ("", ""),
    (b"\x00\x01\xff", b"\xff\x01\x00"),
    (b"", b""),
    ([1, 2], [-1, -2]),
    (Parcel(country="FR", grams=5), Parcel(country="FR", grams=-5)),
    (Place("FR", 5), Place("RF", 5)),
    (TypedValue("test/raw", b"\x00\x01\xff"), Any(type_url="test/raw", value=b"\xff\x01\x00")),
    (TypedValue("io.statefun.types/int", b"\x0d\x07\x00\x00\x00"), -7),
    (TypedValue("io.statefun.types/float", b"\x0d\x00\x00\x80\x3f"), -1.0),
]
"""Values, and the answers of a mirror."""


@pytest.mark.parametrize("language", ["java", "javascript"])
def test_values_of_each_type_are_read_there_and_their_answers_here(client: Client, language: str) -> None:
    def ask(number: int) -> str:
        sent = pack(VALUES[number][0])
        visit = Visit(f"{language}/mirror", sent.typename, sent.value)
        return client.ask(Traveller.at(f"{language} {number}"), visit, str)

    with ThreadPoolExecutor(len(VALUES)) as pool:
        came = list(pool.map(ask, range(len(VALUES))))

    assert came == [told(answer) for _, answer in VALUES]
