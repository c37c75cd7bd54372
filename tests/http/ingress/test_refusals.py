"""The HTTP ingress of a real run: requests that are refused, and why."""

from __future__ import annotations

import pytest

from tests.http.running import JSON, Running

TYPES = (
    "application/json, application/vnd.<typename> (JSON as well), application/x-protobuf or application/octet-stream"
)

pytestmark = pytest.mark.xdist_group("ingress")  # one run for these files

SURROGATE = r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate"
NO_ESCAPE = "a % in the path must begin an escape such as %2F; write % itself as %25\n"


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status", "text"),
    [
        ("/ingress/bank/none/a", JSON, b"1", 404, "nothing here serves 'bank/none'; served are bank/account"),
        ("/ingress/bank/account", JSON, b"1", 404, "expected the path /ingress/<namespace>/<name>/<id>\n"),
        ("/ingress/bank/account/", JSON, b"1", 404, "expected the path /ingress/<namespace>/<name>/<id>\n"),
        ("/ingress/bank/account/%ff", JSON, b"1", 400, "expected a path in percent-encoded UTF-8\n"),
        ("/ingress/bank/account/%zz", JSON, b"1", 400, NO_ESCAPE),
        ("/ingress/bank/account/a%2", JSON, b"1", 400, NO_ESCAPE),
        ("/ingress/bank/account/%%41", JSON, b"1", 400, NO_ESCAPE),
        ("/ingress/bank/acc%unt/a", JSON, b"1", 400, NO_ESCAPE),
        ("/elsewhere", JSON, b"1", 404, "Not Found\n"),
        (
            "/ingress/bank/account/a?type=x/y",
            JSON,
            b"1",
            422,
            "bank/account takes bank/close, bank/deposit, io.sta",
        ),
        ("/ingress/bank/account/a", JSON, b"{}", 422, "bank/account takes bank/close and bank/deposit and io.statefun"),
        ("/ingress/test/counter/a", JSON, b'"x"', 422, "expected `int`, got `str`\n"),
        ("/ingress/test/counter/a", JSON, b"{", 422, "the body is not JSON: Input data was truncated\n"),
        ("/ingress/test/counter/a", JSON, b'"\\ud800"', 422, f"the body is not JSON: {SURROGATE}\n"),
        (
            "/ingress/test/counter/a",
            JSON,
            b'{"a": ["\\udc00\\ud800"]}',
            422,
            "the body is not JSON: expected text that UTF",
        ),
        ("/ingress/test/counter/a", JSON, b'"\xed\xa0\x80"', 422, f"the body is not JSON: {SURROGATE}\n"),
        ("/ingress/test/counter/a", JSON, b'"\xff"', 422, "the body is not JSON: "),
        ("/ingress/test/counter/a", JSON, b"", 422, "the body is not JSON: Input data was truncated\n"),
        (
            "/ingress/test/counter/a",
            JSON,
            b'{"a b": [1, 1e400]}',
            422,
            "the body is not JSON: expected a number up to 1.8e308, got a larger one - at `$['a b'][1]`\n",
        ),
        (
            "/ingress/bank/account/a?type=bank/deposit",
            JSON,
            b'{"cents": 1, "cents": 2}',
            422,
            'expected each key once, got "cents" twice in one object\n',
        ),
        ("/ingress/test/counter/a", "application/octet-stream", b"\xff", 422, "the body can't be read: "),
        ("/ingress/test/anything/a?type=any/thing", JSON, b"{}", 422, "test/anything takes messages of any type, but"),
        (
            "/ingress/test/counter/a",
            "text/plain",
            b"1",
            415,
            f"expected the Content-Type {TYPES}\n",
        ),
        ("/ingress/test/counter/a?type=io.statefun.types/long", None, b"1", 415, f"expected the Content-Type {TYPES}"),
        ("/ingress/test/counter/a?wait=6m", JSON, b"1", 400, "?wait=: expected a duration, such as 500ms, 5s, 2m"),
        ("/ingress/test/counter/a?wait=0", JSON, b"1", 400, "?wait=: expected a duration, such as 500ms, 5s, 2m"),
        ("/ingress/test/counter/a?until=reply", JSON, b"1", 400, "expected until= as ?wait=5s&until=reply: "),
        (
            "/ingress/test/counter/a?wiat=5s",
            JSON,
            b"1",
            400,
            "unknown parameter ?wiat=; expected one of: type, wait, until, after\n",
        ),
        ("/ingress/test/counter/a?after=soon", JSON, b"1", 400, "?after=: expected a duration, such as 500ms, 5s, 2m"),
        (
            "/ingress/test/counter/a?after=999999d",
            JSON,
            b"1",
            400,
            "?after=: expected a delay of at most 365,250 days, got '999999d'\n",
        ),
        (
            "/ingress/test/counter/a?after=1s&wait=5s",
            JSON,
            b"1",
            400,
            "?after= and ?wait= exclude each other: a delayed",
        ),
        ("/ingress/statefun-actors/reply/a?type=a/b", JSON, b"1", 404, "'statefun-actors/reply' takes no messages fro"),
        ("/ingress/test/counter/a?wait=5s&wait=6s", JSON, b"1", 400, "expected one ?wait=, got two\n"),
        (
            "/ingress/test/counter/a?type=a/b",
            "application/vnd.c/d",
            b"1",
            400,
            "expected one type, got two: ?type=a/b and Content-Type",
        ),
        ("/ingress", JSON, b"1", 415, "expected lines of JSON, with Content-Type: application/jsonl; send one"),
        ("/ingress?wait=5s", "application/jsonl", b"", 400, "expected no query with many messages: "),
    ],
)
def test_refused_requests_and_their_reasons(
    server: Running, path: str, content_type: str | None, body: bytes, status: int, text: str
) -> None:
    answer = server.send(path, body, content_type)

    assert (answer.status, answer.text[: len(text)]) == (status, text)
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize("path", ["/ingress/test/counter/a", "/ingress"])
def test_only_put_and_post_send(server: Running, path: str) -> None:
    answer = server.send(path, method="GET")

    assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT")


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/healthz", 200, "alive\n"),
        ("GET", "/readyz?now", 200, "ready\n"),
        ("HEAD", "/readyz", 200, ""),
        ("POST", "/healthz", 405, "Method Not Allowed\n"),
        ("GET", "/nothing", 404, "Not Found\n"),
        ("DELETE", "/elsewhere", 404, "Not Found\n"),
    ],
)
def test_on_the_port_of_the_ingress_it_says_only_how_it_is(
    server: Running, method: str, path: str, status: int, text: str
) -> None:
    answer = server.send(path, method=method)

    assert (answer.status, answer.text) == (status, text)


def test_a_websocket_is_refused(server: Running) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }

    assert server.send("/healthz", method="GET", **upgrade).status == 403


def test_an_encoded_body_is_refused(server: Running) -> None:
    answer = server.send("/ingress/test/counter/a", b"1", Content_Encoding="gzip")

    assert (answer.status, answer.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8080"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://localhost:3000"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://localhost:1234.evil.example"}, 403),
        ({"Host": "localhost", "Origin": "http://localhost.evil.example"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://evil.localhost:1234"}, 403),
        ({"Host": "localhost:1234", "Origin": "ftp://localhost:1234"}, 403),
        ({"Host": "localhost:1234", "Origin": "localhost:1234"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "localhost@evil.example"}, 403),
        ({"Host": "localhost:evil.example"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://localhost:1234"}, 200),
        ({"Host": "localhost:1234", "Origin": "https://LOCALHOST:1234"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "app.localhost:80"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "127.0.0.2"}, 200),
    ],
)
def test_a_page_of_another_site_gets_nowhere(server: Running, headers: dict[str, str], status: int) -> None:
    assert server.send("/ingress/test/counter/guard?wait=5s", 0, **headers).status == status
    assert server.send("/elsewhere", 0, **headers).status == (404 if status == 200 else status)
    assert server.send("/healthz", method="GET", **headers).status == 200
