"""One Flink job with an application in Python, one on the official SDK of Java, and one on that of JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from google.protobuf.any_pb2 import Any

from statefun_actors import TypedValue
from statefun_actors.client import Client
from statefun_actors.types import pack
from tests.gateway.session import GatewayJob, gateway, gateway_job
from tests.kafka.topics import Topics
from tests.polyglot import applications
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


def test_an_order_is_priced_in_java_and_labelled_in_javascript(job: GatewayJob) -> None:
    topics = Topics(job.broker.address, "polyglot")
    orders = {"1": Place("FR", 1_000), "2": Place("FR", 3_000), "3": Place("JP", 200)}
    topics.write("orders", [(id, pack(place).value) for id, place in orders.items()])

    records = topics.read("receipts", 3)

    receipts = {(record.key() or b"").decode(): json.loads(record.value() or b"") for record in records}
    labels = {receipt.pop("label") for receipt in receipts.values()}
    assert receipts == {
        "1": {"cents": 600, "refused": ""},
        "2": {"cents": 800, "refused": ""},
        "3": {"cents": 1220, "refused": ""},
    }
    assert labels in ({"FR-1 1", "FR-2 2", "JP-1 3"}, {"FR-1 2", "FR-2 1", "JP-1 3"})


VALUES = [
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


@pytest.mark.parametrize("language", ["java", "javascript"])
@pytest.mark.parametrize(("value", "answer"), VALUES, ids=lambda value: repr(value).strip())
def test_a_value_of_each_type_is_read_there_and_its_answer_here(
    client: Client, language: str, value: object, answer: object
) -> None:
    sent = pack(value)

    came = client.ask(Traveller.at("ada"), Visit(f"{language}/mirror", sent.typename, sent.value), str)

    assert came == told(answer)
