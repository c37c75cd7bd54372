"""Parsing of module.yaml, for each version, and its errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    ModuleFileError,
    OtherComponent,
    SpecificOffsets,
    Topic,
    Transport,
    parse_module,
    read_module,
)
from statefun_actors.model import Expiration

THREE = """
kind: io.statefun.endpoints.v2/http
spec:
  functions: bank/*
  urlPathTemplate: http://bank:8000/{function.name}/statefun
  maxNumBatchRequests: 500
  transport:
    type: io.statefun.transports.v1/async
    call: 2m
    connect: 20s
    pool_size: 1024
    payload_max_bytes: 1048576
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: bank/commands
  address: one:9092,two:9092
  consumerGroupId: bank
  startupPosition:
    type: earliest
  autoOffsetResetPosition: EARLIEST
  topics:
    - topic: deposits
      valueType: type.googleapis.com/bank.Deposit
      targets:
        - bank/account
        - bank/audit
    - { topic: 07, valueType: bank/entry, targets: [bank/audit] }
  properties:
    - fetch.min.bytes: 1
    - enable.auto.commit: false
---
kind: io.statefun.kafka.v1/egress
spec:
  id: bank/receipts
  address: one:9092
  deliverySemantic: { type: exactly-once, transactionTimeout: 15min }
  properties:
    - linger.ms: 20
---
kind: io.statefun.kinesis.v1/egress
spec: { id: bank/stream, awsRegion: { type: specific, id: eu-west-1 }, maxOutstandingRecords: 9 }
---
"""

OLD = """
version: "{version}"
module:
  meta:
    type: remote
  spec:
    functions:
      - function:
          meta:
            kind: http
            type: bank/account
          spec:
            endpoint: http://bank:8000/statefun/v2
            states: {states}
            maxNumBatchRequests: 10
            timeout: 2min
    ingresses:
      - ingress:
          meta:
            type: statefun.kafka.io/routable-protobuf-ingress
            id: bank/commands
          spec:
            address: kafka:9092
            consumerGroupId: bank
            topics:
              - topic: deposits
                typeUrl: type.googleapis.com/bank.Deposit
                targets:
                  - bank/account
    egresses:
      - egress:
          meta:
            type: statefun.kafka.io/generic-egress
            id: bank/receipts
          spec:
            address: kafka:9092
            deliverySemantic:
              type: exactly-once
              transactionTimeoutMillis: 100000
      - egress:
          meta:
            type: acme/other
            id: bank/other
          spec:
            any: thing
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ModuleFileError) as caught:
        parse_module(text)
    return [str(problem) for problem in caught.value.problems]


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
                topics=[
                    Topic(
                        topic="deposits",
                        value_type="type.googleapis.com/bank.Deposit",
                        targets=["bank/account", "bank/audit"],
                    ),
                    Topic(topic="07", value_type="bank/entry", targets=["bank/audit"]),
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


def ingress_with(*lines: str) -> str:
    return (
        "kind: io.statefun.kafka.v1/ingress\n"
        "spec:\n"
        "  id: bank/in\n"
        "  address: kafka:9092\n"
        "  consumerGroupId: bank\n"
        "  topics: [{ topic: t, valueType: a/b, targets: [bank/account] }]\n" + "".join(f"  {line}\n" for line in lines)
    )


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


def test_every_problem_is_reported_with_file_document_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "module.yaml"
    path.write_text(
        "kind: io.statefun.endpoints.v2/http\n"
        "spec:\n"
        "  functions: bank\n"
        "  urlPathTemplate: bank:8000\n"
        "  maxNumBatchRequests: many\n"
        "---\n"
        "kind: io.statefun.kafka.v1/ingress\n"
        "spec:\n"
        "  id: bank/in\n"
        "  startupPosition: { type: earlest }\n"
        "  topics:\n"
        "    - topic: t\n"
        "      valuetype: a/b\n"
        "      targets: []\n",
        encoding="utf-8",
    )

    with pytest.raises(ModuleFileError) as caught:
        read_module(path)

    assert str(caught.value) == (
        f"{path} has 9 problems:\n"
        "  - line 3 (document 1, spec.functions): expected <namespace>/* or <namespace>/<name>, got 'bank'\n"
        "  - line 4 (document 1, spec.urlPathTemplate): expected a URL, http, https or http+unix, got 'bank:8000'\n"
        "  - line 5 (document 1, spec.maxNumBatchRequests): expected a whole number, more than 0, got 'many'\n"
        "  - line 9 (document 2, spec.address): expected brokers, host:port, got nothing\n"
        "  - line 10 (document 2, spec.startupPosition.type): expected one of group-offsets, earliest, latest, "
        "specific-offsets, date, got 'earlest'\n"
        "  - line 12 (document 2, spec.topics[0].valueType): expected the typename of its records, got nothing\n"
        "  - line 14 (document 2, spec.topics[0].targets): expected a list that is not empty, got an empty list\n"
        "  - line 9 (document 2, spec.consumerGroupId): expected the name of a group, got nothing\n"
        "  - line 13 (document 2, spec.topics[0].valuetype): expected a key among targets, topic, valueType, "
        "got 'valuetype'"
    )


E1 = "line 1 (document 1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", f"{E1}): expected documents with kind: and spec:, got an empty file"),
        ("- a\n", f"{E1}): expected a mapping, got a list"),
        (
            "a: [\n",
            "line 2 (document 1): expected YAML, got while parsing a flow node, expected the node content, but found "
            "'<stream end>'",
        ),
        ("kind: acme/ingress\n", f"{E1}, spec): expected a mapping, got nothing"),
        ("spec: {}\n", f"{E1}, kind): expected <namespace>/<name>, got nothing"),
        (
            "kind: io.statefun.endpoints.v2/http\nspec: { functions: a/*, urlPathTemplate: 'http://h:99999/x' }\n",
            "line 2 (document 1, spec.urlPathTemplate): expected a URL, http, https or http+unix, got 'http://h:99999/x'",
        ),
        (
            "kind: io.statefun.kafka.v2/ingress\nspec: {}\n",
            f"{E1}, kind): expected one of io.statefun.endpoints.v1/http, io.statefun.endpoints.v2/http, "
            "io.statefun.kafka.v1/ingress, io.statefun.kafka.v1/egress, io.statefun.kinesis.v1/ingress, "
            "io.statefun.kinesis.v1/egress, got 'io.statefun.kafka.v2/ingress'",
        ),
        ("kind: a/b\nkind: a/b\nspec: {}\n", "line 2 (document 1, kind): expected each key once, got 'kind' again"),
        (
            ingress_with("properties: { a: 1 }"),
            "line 7 (document 1, spec.properties): expected a list of `name: value`, got a mapping",
        ),
        (
            ingress_with("properties: [{ a: 1, b: 2 }]"),
            "line 7 (document 1, spec.properties): expected a list of `name: value`, got a list",
        ),
        (
            ingress_with().replace("valueType: a/b", "valueType: 7"),
            "line 6 (document 1, spec.topics[0].valueType): expected the typename of its records in quotes, got '7'",
        ),
        (
            ingress_with("startupPosition: { type: specific-offsets, offsets: [{ t: 1 }] }"),
            "line 7 (document 1, spec.startupPosition.offsets): expected a list of `<topic>/<partition>: offset`, "
            "got 't: 1'",
        ),
        (
            ingress_with("startupPosition: { type: date, date: 2026-02-01 }"),
            "line 7 (document 1, spec.startupPosition.date): expected a date such as 2026-02-01 04:15:00.000 +0000, "
            "got '2026-02-01'",
        ),
        (
            ingress_with().replace("  consumerGroupId: bank\n", ""),
            "line 3 (document 1, spec.consumerGroupId): expected the name of a group, got nothing",
        ),
        (
            "kind: io.statefun.kafka.v1/egress\n"
            "spec: { id: a/b, address: 'k:1', deliverySemantic: { type: exactly-once } }\n",
            "line 2 (document 1, spec.deliverySemantic.transactionTimeout): expected a duration such as 15min, which "
            "exactly-once needs, got nothing",
        ),
        (
            f"{ingress_with()}---\n{ingress_with()}",
            "line 10 (document 2): expected each ingress once, got bank/in again",
        ),
        (
            OLD.replace("{version}", "1.0").replace("{states}", "[{ name: a }]"),
            "line 14 (document 1, module.spec.functions[0].function.spec.states): expected a list of names; "
            'expireAfter takes version "2.0", got a list of mappings',
        ),
        (
            OLD.replace("{version}", "2.0").replace("{states}", "[a]"),
            "line 14 (document 1, module.spec.functions[0].function.spec.states): expected a list of mappings, each "
            "with a name, got 'a'",
        ),
        (
            OLD.replace("{version}", "3.0").replace("{states}", "[]"),
            "line 2 (document 1, version): expected one of 1.0, 2.0, got '3.0'",
        ),
    ],
)
def test_a_problem_says_what_was_expected_and_what_is_there(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_a_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "module.yaml"
    path.write_bytes(b"\xff")

    with pytest.raises(ModuleFileError, match=r"expected text in UTF-8, got 'utf-8' codec can't decode byte 0xff"):
        read_module(path)


def test_a_topic_leads_to_no_function_of_this_library() -> None:
    found = problems(
        "kind: io.statefun.kafka.v1/ingress\n"
        "spec:\n"
        "  id: bank/in\n"
        "  address: 'k:1'\n"
        "  consumerGroupId: bank\n"
        "  topics: [{ topic: t, valueType: a/b, targets: [bank/account, statefun-actors/reply] }]\n"
    )

    assert found == [
        "line 6 (document 1, spec.topics[0].targets): expected no function types of this library's namespace "
        "statefun-actors, got 'statefun-actors/reply'"
    ]


def test_keys_that_statefun_ignores_are_not_reported_as_problems() -> None:
    module = parse_module(
        "kind: io.statefun.endpoints.v2/http\n"
        "spec:\n"
        "  functions: bank/*\n"
        "  urlPathTemplate: http://bank/\n"
        "  transport:\n"
        "    read: 5s\n"
        "    timeouts: { write: 6s }\n"
        "more: 1\n"
    )

    assert [str(ignored) for ignored in module.ignored] == [
        "line 8 (document 1, more): expected a key among kind, spec, got 'more'",
        "line 7 (document 1, spec.transport.timeouts.write): expected a key among call, connect, got 'write'",
        "line 6 (document 1, spec.transport.read): expected a key among call, client_cert, client_key, "
        "client_key_password, connect, payload_max_bytes, pool_size, pool_ttl, timeouts, trust_cacerts, type, "
        "got 'read'",
    ]
    assert module.endpoints[0].transport.options == {}


def test_an_unknown_key_is_named_next_to_the_key_that_is_missing() -> None:
    with pytest.raises(ModuleFileError) as caught:
        parse_module(
            "kind: io.statefun.kafka.v1/egress\n"
            "spec:\n"
            "  id: bank/out\n"
            "  address: k:1\n"
            "  deliverySemantic: { type: exactly-once, transactionTimeot: 15min }\n"
        )

    assert str(caught.value) == (
        "module.yaml has 2 problems:\n"
        "  - line 5 (document 1, spec.deliverySemantic.transactionTimeout): expected a duration such as 15min, which "
        "exactly-once needs, got nothing\n"
        "  - line 5 (document 1, spec.deliverySemantic.transactionTimeot): expected a key among transactionTimeout, "
        "transactionTimeoutMillis, type, got 'transactionTimeot'"
    )
