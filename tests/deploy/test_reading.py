"""Parsing of module.yaml, for each version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from statefun_actors.deploy import (
    ASYNC,
    OKHTTP,
    EagerState,
    EndpointComponent,
    FromDate,
    KafkaEgress,
    KafkaIngress,
    Module,
    OtherComponent,
    SpecificOffsets,
    Topic,
    Transport,
    parse_module,
)
from statefun_actors.model import Expiration
from tests.deploy.module_files import OLD, THREE, ingress_with


def test_a_file_for_3_x_is_read_whole() -> None:
    module = parse_module(THREE)

    assert module == Module(
        components=[
            EndpointComponent(
                functions="bank/*",
                url="http://bank:8000/{function.name}/statefun",
                max_batch=500,
                transport=Transport(
                    type=ASYNC,
                    call_timeout=timedelta(minutes=2),
                    payload_max_bytes=1 << 20,
                    options={"connect": "20s", "pool_size": "1024"},
                ),
            ),
            KafkaIngress(
                id="bank/commands",
                address="one:9092,two:9092",
                group="bank",
                startup="earliest",
                reset="earliest",
                forward_headers=True,
                topics=[
                    Topic(
                        topic="deposits",
                        value_type="type.googleapis.com/bank.Deposit",
                        targets=["bank/account", "bank/audit"],
                    ),
                    Topic(topic="07", value_type="bank/entry", targets=["bank/audit"], forward_headers=False),
                ],
                properties={"fetch.min.bytes": "1", "enable.auto.commit": "false"},
            ),
            KafkaEgress(
                id="bank/receipts",
                address="one:9092",
                delivery="exactly-once",
                transaction_timeout=timedelta(minutes=15),
                properties={"linger.ms": "20"},
            ),
            OtherComponent(
                kind="io.statefun.kinesis.v1/egress",
                role="egress",
                id="bank/stream",
                spec={
                    "id": "bank/stream",
                    "awsRegion": {"type": "specific", "id": "eu-west-1"},
                    "maxOutstandingRecords": "9",
                },
            ),
        ]
    )


def test_missing_keys_have_the_defaults_of_statefun() -> None:
    module = parse_module(
        "kind: io.statefun.endpoints.v2/http\n"
        "spec: { functions: bank/account, urlPathTemplate: 'http://bank/' }\n"
        "---\n"
        "kind: io.statefun.endpoints.v1/http\n"
        "spec:\n"
        "  functions: shop/*\n"
        "  urlPathTemplate: http://shop/\n"
        "  transport: { timeouts: { call: 2 min, read: 9s } }\n"
        "---\n"
        "kind: io.statefun.kafka.v1/ingress\n"
        "spec:\n"
        "  id: bank/in\n"
        "  topics: [{ topic: t, valueType: a/b, targets: [bank/account] }]\n"
        "  properties: [{ bootstrap.servers: 'k:1' }, { group.id: bank }]\n"
        "---\n"
        "kind: io.statefun.kafka.v1/egress\n"
        "spec: { id: bank/out, address: 'k:1' }\n"
    )

    minute = timedelta(minutes=1)
    assert [endpoint.transport for endpoint in module.endpoints] == [
        Transport(type=ASYNC, call_timeout=minute, payload_max_bytes=32 * 1024 * 1024),
        Transport(type=OKHTTP, call_timeout=2 * minute, payload_max_bytes=None, options={"timeouts.read": "9s"}),
    ]
    assert [endpoint.max_batch for endpoint in module.endpoints] == [1000, 1000]
    (ingress,), (egress,) = module.kafka_ingresses, module.kafka_egresses
    assert (ingress.address, ingress.group, ingress.startup, ingress.reset) == ("k:1", "bank", "latest", "latest")
    assert (egress.delivery, egress.transaction_timeout, egress.properties) == ("at-least-once", None, {})


@pytest.mark.parametrize(
    ("written", "startup"),
    [
        ("{ type: group-offsets }", "group-offsets"),
        ("{ type: latest }", "latest"),
        (
            "{ type: specific-offsets, offsets: [{ t/0: 7 }, { a/b/12: 9 }] }",
            SpecificOffsets({("t", 0): 7, ("a/b", 12): 9}),
        ),
        (
            "{ type: date, date: 2026-02-01 04:15:00.250 +0100 }",
            FromDate(datetime(2026, 2, 1, 3, 15, 0, 250_000, UTC)),
        ),
    ],
)
def test_every_way_to_start_is_read(written: str, startup: object) -> None:
    (ingress,) = parse_module(ingress_with(f"startupPosition: {written}")).kafka_ingresses

    assert ingress.startup == startup


@pytest.mark.parametrize(
    ("version", "written", "states"),
    [
        ("1.0", "[balance, history]", [EagerState(name="balance"), EagerState(name="history")]),
        (
            "2.0",
            "[{ name: a }, { name: b, expireAfter: 5min }, { name: c, expireAfter: 1d, expireMode: after-write }]",
            [
                EagerState(name="a"),
                EagerState(name="b", expiration=Expiration.AFTER_CALL, ttl_ms=300_000),
                EagerState(name="c", expiration=Expiration.AFTER_WRITE, ttl_ms=86_400_000),
            ],
        ),
    ],
)
def test_a_file_for_2_x_is_read_whole(version: str, written: str, states: list[EagerState]) -> None:
    module = parse_module(OLD.replace("{version}", version).replace("{states}", written))

    transport = Transport(type=OKHTTP, call_timeout=timedelta(minutes=2), payload_max_bytes=None)
    assert module == Module(
        format="1.0" if version == "1.0" else "2.0",
        components=[
            EndpointComponent(
                functions="bank/account",
                url="http://bank:8000/statefun/v2",
                max_batch=10,
                transport=transport,
                states=states,
            ),
            KafkaIngress(
                id="bank/commands",
                address="kafka:9092",
                group="bank",
                topics=[
                    Topic(topic="deposits", value_type="type.googleapis.com/bank.Deposit", targets=["bank/account"])
                ],
            ),
            KafkaEgress(
                id="bank/receipts",
                address="kafka:9092",
                delivery="exactly-once",
                transaction_timeout=timedelta(seconds=100),
            ),
            OtherComponent(kind="acme/other", role="egress", id="bank/other", spec={"any": "thing"}),
        ],
    )


def test_an_endpoint_serves_a_name_or_a_namespace() -> None:
    one = EndpointComponent(functions="bank/account", url="http://bank/statefun")
    all_ = EndpointComponent(functions="eu/bank/*", url="http://bank/{function.name}/statefun")

    assert (one.serves("bank/account"), one.serves("bank/audit")) == (True, False)
    assert (all_.serves("eu/bank/account"), all_.serves("bank/account"), all_.serves("eu/bank/b/c")) == (
        True,
        False,
        False,
    )
    assert all_.url_of("eu/bank/account") == "http://bank/account/statefun"


def test_egresses_to_kafka_and_kinesis_take_records_only() -> None:
    assert parse_module(THREE).record_egresses == {"bank/receipts", "bank/stream"}
