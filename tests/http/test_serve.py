"""``statefun-actors serve`` over real sockets: every status, hostile bodies, closed connections, stopping, TLS."""

from __future__ import annotations

import asyncio
import http.client
import random
import signal
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from statefun_actors import Address
from statefun_actors.http import listen
from statefun_actors.model import TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import v2_pb2, v3_pb2
from tests.http.serving import DEADLINE, Server, request, serving

_Step = TypeVar("_Step")

APP = """
import asyncio
from pathlib import Path
from statefun_actors import DeadLetter, Entity, handles, persisted

HERE = Path(__file__).parent


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n

    @handles(str)
    def fail(self, message: str) -> None:
        self.n = 99
        raise ValueError(message)


class Careful(Entity, typename="test/careful", on_failure=DeadLetter("test/dead", attempts=1)):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        if message == 13:
            raise ValueError("thirteen")


class Slow(Entity, typename="test/slow"):
    n: int = persisted(default=0)

    @handles(int)
    async def wait(self, message: int) -> None:
        (HERE / f"{self.id}.entered").touch()
        try:
            while not (HERE / "go").exists():
                await asyncio.sleep(0.01)
        finally:
            (HERE / f"{self.id}.left").touch()
        self.n += message
"""
COUNTER = Address("test/counter", "a")
LONG = "io.statefun.types/long"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("serve") / "app.py"
    path.write_text(APP, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server(app: Path) -> Iterator[Server]:
    with serving(app) as running:
        yield running


def good(server: Server, protocol: int = 3) -> None:
    """A batch that succeeds: earlier requests did no harm."""
    state: dict[str, TypedValue | None] = {"n": pack(5)}
    body = request(COUNTER, 1, 2, state=state, caller=Address("x/y", "z"), protocol=protocol)
    status, reply = server.post(body, "/statefun" if protocol == 3 else "/statefun/v2")
    assert status == 200, reply
    if protocol == 3:
        result = v3_pb2.FromFunction.FromString(reply).invocation_result
        assert result.state_mutations[0].state_value.value == pack(8).value
    else:
        result2 = v2_pb2.FromFunction.FromString(reply).invocation_result
        assert b"google.protobuf.Int64Value" in result2.state_mutations[0].state_value
        assert len(result2.outgoing_messages) == 2


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


def wait_for(path: Path) -> None:
    """The handler says by a file where it is."""
    deadline = threading.Event()
    for _ in range(int(DEADLINE * 100)):
        if path.exists():
            return
        deadline.wait(0.01)
    raise AssertionError(f"{path.name} never came")


def test_a_closed_connection_cancels_its_batch(app: Path, server: Server) -> None:
    connection = server.connection()
    connection.request("POST", "/statefun", request(Address("test/slow", "gone"), 1, state={"n": None}))
    wait_for(app.parent / "gone.entered")
    assert not (app.parent / "gone.left").exists()
    connection.close()
    wait_for(app.parent / "gone.left")

    good(server)


def test_a_stop_lets_the_batches_under_way_end(app: Path) -> None:
    with serving(app) as server:
        connection = server.connection()
        connection.request("POST", "/statefun", request(Address("test/slow", "last"), 1, state={"n": None}))
        wait_for(app.parent / "last.entered")
        server.process.send_signal(signal.SIGTERM)
        (app.parent / "go").touch()
        response = connection.getresponse()
        result = v3_pb2.FromFunction.FromString(response.read()).invocation_result
        connection.close()

        assert response.status == 200
        assert result.state_mutations[0].state_value.value == pack(1).value
        assert server.process.wait(DEADLINE) == 0


def test_it_warns_of_classes_without_a_failure_policy(app: Path) -> None:
    with serving(app) as server:
        good(server)
        code, shown = server.stop()

        assert code == 0
        assert "Warning: Counter (test/counter) has no failure policy" in shown
        assert "Careful" not in shown
    with serving(app, "--dead-letters", "test/all", "--accept-restore") as server:
        code, shown = server.stop()

        assert [line for line in shown.splitlines() if "Warning" in line] == [
            "Warning: restores are accepted (--accept-restore): whoever may write to the topics of the gateway can "
            "give state to entities that have none. Start without it once all is moved."
        ]


def test_a_failed_batch_is_logged_with_address_types_and_error(app: Path) -> None:
    with serving(app) as server:
        server.post(request(COUNTER, "oh no", state={"n": None}))
        _, shown = server.stop()

        assert "test/counter/a" in shown
        assert "io.statefun.types/string" in shown
        assert "ValueError: oh no" in shown


def test_two_workers_serve_one_port(app: Path) -> None:
    with serving(app, "--workers", "2") as server:
        for _ in range(10):
            good(server)
        code, _ = server.stop()

        assert code == 0


def test_settings_come_from_a_file_and_flags_go_before_it(app: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("body-limit = 100\n", encoding="utf-8")
    body = request(COUNTER, *[1] * 20, state={"n": None})
    with serving(app, "--config", str(config)) as server:
        refused, _ = server.post(body)
    with serving(app, "--config", str(config), "--body-limit", "1M") as server:
        taken, _ = server.post(body)

    assert (refused, taken) == (413, 200)


def test_mutual_tls_accepts_only_known_clients(app: Path, certificates: Path) -> None:
    files = {name: str(certificates / name) for name in ("server.pem", "server.key", "client.pem")}
    options = ("--certfile", files["server.pem"], "--keyfile", files["server.key"], "--ca-certs", files["client.pem"])

    def status(server: Server, client: str | None) -> int:
        context = ssl.create_default_context(cafile=files["server.pem"])
        if client is not None:
            context.load_cert_chain(certificates / f"{client}.pem", certificates / f"{client}.key")
        connection = server.connection(context)
        try:
            connection.request("POST", "/statefun", request(COUNTER, 1, state={"n": None}))
            return int(connection.getresponse().status)
        finally:
            connection.close()

    with serving(app, *options) as server:
        assert status(server, "client") == 200
        for unknown in (None, "stranger"):
            with pytest.raises((ssl.SSLError, http.client.HTTPException, ConnectionError)):
                status(server, unknown)
        assert status(server, "client") == 200


async def test_over_tls_http_2_is_spoken_to_who_speaks_it(app: Path, certificates: Path) -> None:
    files = ("--certfile", str(certificates / "server.pem"), "--keyfile", str(certificates / "server.key"))
    context = ssl.create_default_context(cafile=str(certificates / "server.pem"))
    with serving(app, *files) as server:
        async with httpx.AsyncClient(http2=True, verify=context) as client:
            url = f"https://{server.host}:{server.port}/statefun"
            bodies = [request(COUNTER, number, state={"n": None}) for number in range(1, 20)]
            replies = await asyncio.gather(*(client.post(url, content=body) for body in bodies))
            refused = await client.put(url, content=b"x")

    assert {(reply.status_code, reply.http_version) for reply in replies} == {(200, "HTTP/2")}
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def post_bytes(target: Address) -> bytes:
    body = request(target, 1, state={"n": None})
    return b"POST /statefun HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def leave_over_tls(server: Server, certificates: Path, *requests: bytes, reset: bool = False) -> None:
    """Send *requests*, await the answers to all but the last, and leave together with that: in one segment.

    With *reset*, leave without a farewell.
    """
    context = ssl.create_default_context(cafile=str(certificates / "server.pem"))
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(arrived, leaving, server_hostname=server.host)
    with socket.create_connection((server.host, server.port), DEADLINE) as connection:

        def done(step: Callable[[], _Step]) -> _Step:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    connection.sendall(leaving.read())
                    arrived.write(connection.recv(65536))

        done(tls.do_handshake)
        for each in requests[:-1]:
            tls.write(each)
            assert b" 200 " in done(lambda: tls.read(65536))
        for each in requests[-1:]:
            tls.write(each)
        if not reset:
            with pytest.raises(ssl.SSLWantReadError):
                tls.unwrap()
        connection.sendall(leaving.read())
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            while connection.recv(65536):
                ...


def test_a_client_that_leaves_over_tls_is_not_logged_as_a_fault(app: Path, certificates: Path) -> None:
    files = ("--certfile", str(certificates / "server.pem"), "--keyfile", str(certificates / "server.key"))
    slow, ready = post_bytes(Address("test/slow", "never")), b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(app, *files) as server:
        for requests in [(), (slow,), (ready,), (slow[:-1],), (post_bytes(COUNTER), slow), (ready, ready)]:
            leave_over_tls(server, certificates, *requests)
        for _ in range(20):  # the server may hear of it at various moments
            leave_over_tls(server, certificates, reset=True)
        code, shown = server.stop()

    assert code == 0
    assert "Traceback" not in shown
    assert "never awaited" not in shown, shown
    assert not (app.parent / "never.entered").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_listens_at_a_path_and_takes_the_place_of_one_that_is_gone(app: Path, tmp_path: Path, workers: str) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with (
        serving(app, "--bind", f"unix:{path}", "--workers", workers),
        socket.socket(socket.AF_UNIX) as connection,
    ):
        with pytest.raises(OSError, match="another process listens there"):
            listen(f"unix:{path}")
        connection.settimeout(DEADLINE)
        connection.connect(str(path))
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more

    assert answer.endswith(b"\r\n\r\nready\n")
