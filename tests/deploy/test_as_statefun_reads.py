"""StateFun's own parser accepts the files that are written here, and refuses those that are refused here."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statefun_actors.deploy import Module, ModuleFileError, parse_module, write_module
from tests.cluster.command import need_flink
from tests.deploy.module_files import OLD, THREE, ingress_with
from tests.deploy.statefun import verdicts
from tests.deploy.strategies import new_modules, old_modules

pytestmark = pytest.mark.flink

_many = settings(
    max_examples=1,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
MANY = 100


@pytest.fixture(autouse=True)
def flink() -> None:
    need_flink()


@_many
@given(st.lists(new_modules(others=False), min_size=MANY, max_size=MANY))
def test_statefun_3_3_takes_files_that_are_written_here(
    tmp_path_factory: pytest.TempPathFactory, modules: list[Module]
) -> None:
    texts = [write_module(module) for module in modules]

    assert verdicts(texts, "3.x", tmp_path_factory.mktemp("new")) == ["ok"] * len(texts)


@_many
@given(st.lists(old_modules(others=False), min_size=MANY, max_size=MANY))
def test_statefun_2_2_takes_files_that_are_written_here(
    tmp_path_factory: pytest.TempPathFactory, modules: list[Module]
) -> None:
    texts = [write_module(module) for module in modules]

    assert verdicts(texts, "2.0", tmp_path_factory.mktemp("old")) == ["ok"] * len(texts)


def endpoint(spec: str) -> str:
    return f"kind: io.statefun.endpoints.v2/http\nspec: {{ functions: a/*, urlPathTemplate: 'http://a/', {spec} }}\n"


def egress(delivery: str) -> str:
    return f"kind: io.statefun.kafka.v1/egress\nspec: {{ id: a/b, address: 'k:1', deliverySemantic: {delivery} }}\n"


def topic(before: str, after: str) -> str:
    return ingress_with().replace(before, after)


BOTH_TAKE = [
    THREE,
    ingress_with(),
    ingress_with("what: 1"),
    ingress_with("forwardHeaders: true"),
    topic("topic: t,", "topic: t, forwardHeaders: false,"),
    ingress_with("properties: [{ a: 1 }]"),
    ingress_with("autoOffsetResetPosition: EARLiest"),
    ingress_with("startupPosition: { type: date, date: 2026-02-01 04:15:00.250 +0100 }"),
    ingress_with("startupPosition: { type: specific-offsets, offsets: [{ t/0: 7 }, { a/b/12: 9 }] }"),
    topic("  consumerGroupId: bank\n", "  properties: [{ group.id: bank }]\n"),
    topic("  address: kafka:9092\n", "  properties: [{ bootstrap.servers: 'kafka:9092' }]\n"),
    topic("topic: t", "topic: 7"),
    topic("topic: t,", "topic: t, what: 1,"),
    egress("{ type: none }"),
    egress("{ type: exactly-once, transactionTimeout: 15 minutes }"),
    egress("{ type: exactly-once, transactionTimeoutMillis: 150, what: 1 }"),
    egress("{ type: at-least-once, transactionTimeout: 15min }"),
    endpoint("transport: { timeouts: { call: 2m, read: 3s } }"),
    endpoint("transport: { call: 1 h, pool_ttl: 5d, what: 1 }"),
    endpoint("transport: { type: io.statefun.transports.v1/okhttp, timeouts: { call: 90 sec, write: 3s } }"),
    f"---\n---\n{egress('{ type: none }')}---\n",
]
BOTH_REFUSE = [
    "kind: io.statefun.endpoints.v2/http\n",
    "kind: io.statefun.kafka.v2/ingress\nspec: {}\n",
    f"{ingress_with()}---\n{ingress_with()}",
    ingress_with("properties: { a: 1 }"),
    ingress_with("startupPosition: { type: Earliest }"),
    ingress_with("startupPosition: { type: date, date: 2026-02-01 04:15:00.25 Z }"),
    ingress_with("startupPosition: { type: date, date: 2026-02-01 04:15:00.25 +0000 }"),
    topic("  consumerGroupId: bank\n", ""),
    ingress_with("autoOffsetResetPosition: none"),
    topic("topics: [{ topic: t, valueType: a/b, targets: [bank/account] }]", "topics: []"),
    topic("  address: kafka:9092\n", ""),
    topic("id: bank/in", "id: in"),
    topic("valueType: a/b", "valueType: 7"),
    topic("valueType: a/b, ", ""),
    topic("[bank/account]", "[account]"),
    topic(", targets: [bank/account]", ""),
    egress("exactly-once"),
    egress("{ type: exactly }"),
    egress("{ type: exactly-once }"),
    egress("{ type: exactly-once, transactionTimeout: 15 hourz }"),
    endpoint("").replace("a/*", "a"),
    endpoint("").replace("a/*", "'*'"),
    endpoint("").replace("a/*", "'b*/x'"),
    endpoint("").replace("urlPathTemplate: 'http://a/', ", ""),
    endpoint("maxNumBatchRequests: many"),
]
ONLY_STATEFUN_TAKES = [
    "",  # nothing to run
    egress("{ type: none }") + "kind: io.statefun.kafka.v1/egress\n",  # one of the two is lost
    topic("[bank/account]", "[]"),  # records go nowhere
    topic("[bank/account]", "bank/account"),  # the same
    ingress_with("startupPosition: { type: specific-offsets, offsets: [t/0: x] }"),  # read as 0
    endpoint("maxNumBatchRequests: 0"),  # nothing is ever sent
    # What follows fails at the first message.
    endpoint("").replace("http:", "ftp:"),
    endpoint("transport: { call: soon }"),
    endpoint("transport: { payload_max_bytes: much }"),
]

OLD_FILE = OLD.replace("{version}", "2.0").partition("      - egress:\n          meta:\n            type: acme/other")[
    0
]
STATES = "[{ name: a }, { name: b, expireAfter: 5min }, { name: c, expireAfter: 1d, expireMode: after-write }]"


def old(before: str = "", after: str = "") -> str:
    return (
        OLD_FILE.replace("{states}", STATES).replace(before, after) if before else OLD_FILE.replace("{states}", STATES)
    )


OLD_BOTH_TAKE = [
    old(),
    old("timeout: 2min", "timeout: 2min\n            connectTimeout: 3s\n            what: 9"),
    old("transactionTimeoutMillis: 100000", "transactionTimeout: 15min"),
    OLD_FILE.replace('"2.0"', '"1.0"').replace("{states}", "[a, b]"),
]
OLD_BOTH_REFUSE = [
    old("after-write", "afterwrite"),
    old("{ name: a }", "a"),
    old("http://bank", "bank"),
    old("type: bank/account", "type: account"),
    old("type: remote", "type: other"),
    old('"2.0"', '"9.0"'),
]
OLD_ONLY_STATEFUN_TAKES = [
    old("typeUrl", "valueType"),  # its messages have no type
    OLD_FILE.replace('"2.0"', '"1.0"').replace("{states}", "[{ name: a }]"),  # a state without a name
]


def taken_here(text: str) -> bool:
    try:
        parse_module(text)
    except ModuleFileError:
        return False
    return True


@pytest.mark.parametrize(
    ("format", "both", "neither", "only_statefun"),
    [
        ("3.x", BOTH_TAKE, BOTH_REFUSE, ONLY_STATEFUN_TAKES),
        ("2.0", OLD_BOTH_TAKE, OLD_BOTH_REFUSE, OLD_ONLY_STATEFUN_TAKES),
    ],
)
def test_files_that_statefun_refuses_are_refused(
    tmp_path: Path, format: str, both: list[str], neither: list[str], only_statefun: list[str]
) -> None:
    texts = [*both, *neither, *only_statefun]
    theirs = verdicts(texts, "3.x" if format == "3.x" else "2.0", tmp_path)

    expected = [(True, True)] * len(both) + [(False, False)] * len(neither) + [(True, False)] * len(only_statefun)
    found = [(verdict == "ok", taken_here(text)) for verdict, text in zip(theirs, texts, strict=True)]
    wrong = [(texts[at], theirs[at]) for at in range(len(texts)) if found[at] != expected[at]]
    assert wrong == []
