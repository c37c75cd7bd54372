"""``statefun-actors gateway`` in front of a real Flink job, over a real broker."""

from __future__ import annotations

import http.client
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from statefun_actors.asking import Request, request
from statefun_actors.client import Client
from statefun_actors.types import pack
from tests.client.bank import Account, Deposit, Deposited
from tests.gateway.session import GatewayJob, GatewayProcess, gateway_of, write_module
from tests.kafka.topics import Topics

pytestmark = [pytest.mark.flink, pytest.mark.kafka]

DEPOSIT = {"content-type": "application/vnd.bank/deposit"}
WAIT = "?wait=60s"
STRING = "application/vnd.io.statefun.types/string"
BOOL = "application/vnd.io.statefun.types/bool"


def sent(gateway: GatewayProcess, path: str, body: object, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, str) else json.dumps(body)
    return httpx.post(gateway.url + path, content=content, headers={**DEPOSIT, **named}, timeout=70)


def balance(gateway: GatewayProcess, id: str) -> object:
    return sent(gateway, f"/ingress/bank/account/{id}{WAIT}", {"cents": 0}).json()["balance"]


def test_messages_without_a_wait_and_many_in_one_body_are_handled_in_their_order(first: GatewayProcess) -> None:
    lines = [{"to": "bank/account/lines", "type": "bank/deposit", "value": {"cents": n}} for n in (1, 20)]
    body = "\n".join(map(json.dumps, lines))

    answers = [
        sent(first, "/ingress/bank/account/lines", {"cents": 300}),
        sent(first, "/ingress", body, content_type="application/jsonl"),
        sent(first, "/ingress", "", content_type="application/jsonl"),
    ]

    assert [(answer.status_code, answer.text) for answer in answers] == [(202, "")] * 3
    assert balance(first, "lines") == 321


def test_a_delayed_message_arrives(first: GatewayProcess) -> None:
    with Client(first.url, timeout=60) as client:
        client.tell(Account.at("later"), Deposit(5), after=0.2)
        assert sent(first, "/ingress/bank/account/later?after=200ms", {"cents": 6}).status_code == 202
        found = client.ask(Account.at("later"), Deposit(0), Deposited)
        while found.balance < 11:
            found = client.ask(Account.at("later"), Deposit(0), Deposited)

    assert found.balance == 11


def test_each_client_gets_its_own_answer_from_its_own_gateway(first: GatewayProcess, second: GatewayProcess) -> None:
    def ask(at: int) -> tuple[int, object]:
        gateway = (first, second)[at % 2]
        answer = sent(gateway, f"/ingress/bank/account/own-{at}{WAIT}", {"cents": at})
        return at, answer.json()["balance"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))

    assert answers == [(at, at) for at in range(40)]


def test_a_repeat_may_reach_another_gateway(first: GatewayProcess, second: GatewayProcess) -> None:
    path = f"/ingress/bank/account/keyed{WAIT}"
    answers = [sent(each, path, {"cents": 5}, idempotency_key="k") for each in (first, second, first)]
    reused = sent(second, path, {"cents": 6}, idempotency_key="k")

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"balance": 5})] * 3
    assert (reused.status_code, reused.text) == (
        409,
        "another message was sent under the Idempotency-Key 'k'; use a new key\n",
    )


def test_a_repeat_waits_for_what_the_first_one_waited_for(first: GatewayProcess, second: GatewayProcess) -> None:
    path, headers = "/ingress/bank/account/forgets", {"idempotency_key": "k", "content_type": BOOL}
    ended = sent(first, f"{path}{WAIT}", True, **headers)
    again = sent(second, f"{path}{WAIT}&until=reply", True, **headers)

    assert (ended.status_code, again.status_code) == (204, 204)


def test_an_answer_may_be_waited_for_again_at_another_gateway(first: GatewayProcess, second: GatewayProcess) -> None:
    path, headers = "/ingress/bank/account/slow", {"idempotency_key": "k", "content_type": "application/json"}
    late = sent(first, f"{path}?type=io.statefun.types/double&wait=50ms", 0.5, **headers)
    again = sent(second, f"{path}?type=io.statefun.types/double&wait=60s", 0.5, **headers)

    assert late.status_code == 504
    assert late.text.startswith("no answer within 0.05 s; the message ")  # Kafka may have acknowledged it, or not yet
    assert (again.status_code, again.json()) == (200, "done")


def test_a_message_that_is_too_large_for_kafka_is_refused(first: GatewayProcess) -> None:
    answer = sent(first, f"/ingress/test/echo/big{WAIT}", json.dumps("x" * 1_100_000), content_type=STRING)

    assert (answer.status_code, answer.text) == (
        422,
        "Kafka refuses it: topic shared.gateway.test.echo: Broker: Message size too large\n",
    )


def test_a_forged_record_cannot_make_the_job_write_to_a_topic_that_is_missing(
    first: GatewayProcess, job: GatewayJob
) -> None:
    starts, value = job.jvm.starts, pack("x")
    forged = request(Request((value.typename, value.value), f"made-up.answers:{'0' * 16}:1"))
    Topics(job.broker.address, "forged").write("shared.gateway.test.echo", [("forged", forged.value)])
    answer = sent(first, f"/ingress/test/echo/forged{WAIT}", '"x"', content_type=STRING)

    assert (answer.status_code, answer.text, job.jvm.starts) == (200, '"x"', starts)


def test_it_stops_after_the_requests_in_flight(job: GatewayJob) -> None:
    with gateway_of(job.module) as gateway:
        connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=70)
        headers = {"content-type": "application/vnd.io.statefun.types/double"}
        connection.request("POST", f"/ingress/bank/account/stop{WAIT}", b"1.0", headers)
        balance(gateway, "after")  # the request before it has been read by then
        gateway.process.send_signal(signal.SIGTERM)
        response = connection.getresponse()

        assert (response.status, response.read()) == (200, b'"done"')
        connection.close()
        assert gateway.process.wait(20) == 0


def test_a_file_without_its_topics_takes_messages_for_topics_of_one_function_type(
    tmp_path: Path, first: GatewayProcess, job: GatewayJob, request: pytest.FixtureRequest
) -> None:
    topics = Topics(job.broker.address, request.node.name)
    deposits = topics.make("deposits")
    module = write_module(tmp_path, job.broker.address, "--topic", f"{deposits}:bank/deposit=bank/account")

    with gateway_of(module) as gateway:
        taken = sent(gateway, "/ingress/bank/account/ada", {"cents": 5})
        refused = {
            what: sent(gateway, f"/ingress/{path}", body, **headers)
            for what, path, body, headers in (
                ("messages with ?wait= need a topic of bank/account", f"bank/account/ada{WAIT}", {"cents": 5}, {}),
                (
                    "delayed messages need a topic of statefun-actors/ingress",
                    "bank/account/ada?after=1s",
                    {"cents": 5},
                    {},
                ),
                (
                    "messages with an Idempotency-Key need a topic of statefun-actors/ingress",
                    "bank/account/ada",
                    {"cents": 5},
                    {"idempotency_key": "k"},
                ),
                (
                    "messages of type io.statefun.types/bool need a topic of bank/account",
                    "bank/account/ada",
                    True,
                    {"content_type": "application/vnd.io.statefun.types/bool"},
                ),
            )
        }
        replied = httpx.post(f"{gateway.url}/replies/token", json=True)
        log = gateway.log()

    [record] = topics.read(deposits, 1)
    assert (taken.status_code, record.key(), record.value()) == (202, b"ada", b'{"cents":5}')
    advice = " in module.yaml; `statefun-actors module APP --gateway` writes one that has it\n"
    assert {what: (answer.status_code, answer.text) for what, answer in refused.items()} == {
        what: (422, what + advice) for what in refused
    }
    assert (replied.status_code, replied.text) == (422, "replies need a topic of statefun-actors/reply" + advice)
    assert log == (
        f"Warning: {module}: without the topics and the egress of `module --gateway`, a gateway only takes messages "
        "for the topics of one function type; ?wait=, ?after=, Idempotency-Key and /replies are refused.\n"
    )
