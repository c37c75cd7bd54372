"""``statefun-actors serve``: the batches that it answers and the requests that it refuses."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.asking import ANSWERS, GatewayCall, Request
from statefun_actors.asking import request as envelope
from statefun_actors.model import TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import v3_pb2
from tests.http.serve.counting import COUNTER, good
from tests.http.serving import DEADLINE, Server, request, serving

LONG = "io.statefun.types/long"


def response_to(server: Server, raw: bytes) -> bytes:
    """Send raw bytes, and read until the server closes."""
    with socket.create_connection((server.host, server.port), DEADLINE) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


@pytest.mark.parametrize("protocol", [3, 2])
def test_a_batch_is_answered_in_either_protocol(server: Server, protocol: int) -> None:
    good(server, protocol)


def test_states_that_are_missing_are_asked_for(server: Server) -> None:
    status, reply = server.post(request(COUNTER, 1))
    [spec] = v3_pb2.FromFunction.FromString(reply).incomplete_invocation_context.missing_values

    assert (status, spec.state_name, spec.type_typename) == (200, "n", LONG)


def test_in_2x_a_missing_state_says_which_line_to_add(server: Server) -> None:
    status, reply = server.post(request(COUNTER, 1, protocol=2), "/statefun/v2")

    assert status == 500
    assert b"add to its function: `states: [n]`" in reply


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "answer"),
    [
        ("POST", "/statefun", b"\xff\xff", 400, b"not a request of protocol 3.x"),
        ("POST", "/statefun", b"", 400, b"not a request of protocol 3.x"),
        ("GET", "/statefun", b"", 405, b"send batches by POST, not GET"),
        ("PUT", "/statefun/v2", b"x", 405, b"send batches by POST, not PUT"),
        ("GET", "/healthz", b"", 200, b"alive"),
        ("GET", "/readyz", b"", 200, b"ready"),
        ("POST", "/healthz", b"", 405, b"Method Not Allowed"),
        ("GET", "/nowhere", b"", 404, b"Not Found"),
        ("POST", "/statefun", request(Address("test/nobody", "x"), 1), 500, b"nothing here serves 'test/nobody'"),
        ("POST", "/statefun", request(COUNTER, "no", state={"n": None}), 500, b"ValueError: no"),
        ("POST", "/statefun", request(COUNTER, 2.5, state={"n": None}), 500, b"test/counter takes"),
        ("POST", "/statefun", request(COUNTER, 1, state={"n": TypedValue(LONG, b"\xff")}), 500, b"can't be read"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line(server: Server, method: str, path: str, body: bytes, status: int, answer: bytes) -> None:
    connection = server.connection()
    connection.request(method, path, body)
    response = connection.getresponse()
    text = response.read()
    connection.close()

    assert (response.status, answer in text) == (status, True), text
    assert b"Traceback" not in text
    assert text.count(b"\n") == 1
    assert (response.getheader("Allow") is not None) == (status == 405)
    good(server)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_while_it_is_read(app: Path, chunked: bool) -> None:
    with serving(app, "--body-limit", "1000") as server:
        head = b"POST /statefun HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
        if chunked:
            piece = b"1f4\r\n" + b"x" * 500 + b"\r\n"
            answer = response_to(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 3 + b"0\r\n\r\n")
        else:
            answer = response_to(server, head + b"Content-Length: 5000\r\n\r\n" + b"x" * 5000)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"expected a body of at most 1000 bytes" in answer
        good(server)


def test_several_hundred_hostile_bodies_each_followed_by_a_good_one(server: Server) -> None:
    choose = random.Random(7)
    for protocol, path in ((3, "/statefun"), (2, "/statefun/v2")):
        body = request(COUNTER, 1, "x", state={"n": pack(1)}, caller=Address("x/y", "z"), protocol=protocol)
        for _ in range(150):
            broken = bytearray(body)
            match choose.randrange(3):
                case 0:
                    del broken[choose.randrange(len(broken)) :]
                case 1:
                    for _ in range(choose.randrange(1, 6)):
                        broken[choose.randrange(len(broken))] = choose.randrange(256)
                case _:
                    at = choose.randrange(len(broken))
                    broken[at:at] = choose.randbytes(choose.randrange(1, 20))
            status, reply = server.post(bytes(broken), path)
            assert status in (200, 400, 500)
            assert b"Traceback" not in reply
            good(server, protocol)


def test_a_poisonous_message_becomes_a_dead_letter_and_the_rest_goes_on(server: Server) -> None:
    status, reply = server.post(request(Address("test/careful", "a"), 1, 13, 2, state={"n": None}))
    result = v3_pb2.FromFunction.FromString(reply).invocation_result

    assert status == 200
    assert result.state_mutations[0].state_value.value == pack(3).value
    assert [egress.egress_type for egress in result.outgoing_egresses] == ["dead"]


def test_answers_go_to_the_gateways_of_the_application_only(server: Server) -> None:
    value = pack(1)
    callers = [GatewayCall(f"{name}.answers", "a1" * 8, "1").id for name in ("app.gateway", "made-up")]
    asked = [envelope(Request((value.typename, value.value), caller)) for caller in callers]

    _, body = server.post(request(COUNTER, *asked, state={"n": None}))

    [left] = v3_pb2.FromFunction.FromString(body).invocation_result.outgoing_egresses
    assert f"{left.egress_namespace}/{left.egress_type}" == ANSWERS
    assert b"app.gateway.answers" in left.argument.value
