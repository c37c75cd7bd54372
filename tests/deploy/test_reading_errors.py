"""The errors of a module.yaml: each with its file, document, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors.deploy import ModuleFileError, parse_module, read_module
from tests.deploy.module_files import OLD, ingress_with


def problems(text: str) -> list[str]:
    with pytest.raises(ModuleFileError) as caught:
        parse_module(text)
    return [str(problem) for problem in caught.value.problems]


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
        "  - line 13 (document 2, spec.topics[0].valuetype): expected a key among forwardHeaders, targets, topic, "
        "valueType, got 'valuetype'"
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
            ingress_with("forwardHeaders: always"),
            "line 7 (document 1, spec.forwardHeaders): expected true or false, got 'always'",
        ),
        (
            ingress_with().replace("topic: t,", "topic: t, forwardHeaders: [true],"),
            "line 6 (document 1, spec.topics[0].forwardHeaders): expected true or false, got a list",
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
            ingress_with().replace("[{", "[{ topic: t, valueType: a/c, targets: [bank/account] }, {"),
            "line 6 (document 1, spec.topics): expected each topic once, with one type and all its targets, got t "
            "again",
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
