"""The fast path on real sockets: the same responses as from Hypercorn."""

from __future__ import annotations

import pytest

from statefun_actors import Address, Context, StatefulFunctions
from tests.http.fastpath.sockets import ADDRESS, PLAIN, Functions, Served, post, serving
from tests.http.serving import request

JSON = b"Content-Type: application/json"

ENDPOINT_REQUESTS = [
    post(PLAIN),
    post(request(ADDRESS, 1, protocol=2, caller=Address("x/y", "z")), b"/statefun/v2"),
    post(request(ADDRESS, -1)),
    post(request(Address("test/none", "a"), 1)),
    post(b""),
    post(b"\xff\xff"),
    post(b"\xff\xff", b"/statefun", b"Content-Encoding: gzip"),
    post(PLAIN, b"/statefun?x=y"),
    post(PLAIN, b"/nowhere"),
    post(PLAIN, method=b"PUT"),
    post(PLAIN, b"/statefun", b"Connection: close"),
    post(PLAIN, b"/statef%75n"),
    post(b"x" * 300_000),
    post(b"x" * 600_000),
    post(PLAIN, b"/statefun", b"X: a", b" folded"),
    post(PLAIN, b"/statefun", b"Content-Length: 1"),
    post(b"\xff\xff").replace(b"\r\n", b"\n"),
    b"POST /statefun HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\xff\xff\r\n0\r\n\r\n",
    b"POST /statefun HTTP/1.1\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
]

INGRESS_REQUESTS = [
    post(b"1", b"/ingress/test/counter/a", JSON),
    post(b"1", b"/ingress/test/counter/a%2Fb?wait=5s", JSON, method=b"PUT"),
    post(b"x", b"/ingress/test/counter/a", JSON),
    post(b"1", b"/ingress/test/counter/a?what", JSON),
    post(b"1", b"/ingress/test/none/a", JSON),
    post(b"1", b"/ingress", JSON),
    post(b"1", b"/ingress2", JSON),
    post(b"1", b"/%69ngress/test/counter/a", JSON),
    post(b'{"to": "test/counter/a", "value": 1}', b"/ingress", b"Content-Type: application/jsonl"),
    post(b"1", b"/ingress/test/counter/a", JSON, b"Origin: http://evil.example"),
    post(b"1", b"/ingress/test/counter/a", JSON, b"Idempotency-Key: k"),
    post(b"1", b"/ingress/test/counter/a?wait=20ms&until=reply", JSON),
]


async def both(served: Served, data: bytes) -> tuple[bytes, bytes]:
    """The responses of the fast path and of Hypercorn."""
    answers = []
    for hypercorn in (False, True):
        client = await served.client(hypercorn=hypercorn)
        client.send(data)
        answers.append(await client.answer())
        client.close()
    return answers[0], answers[1]


@pytest.mark.parametrize("data", ENDPOINT_REQUESTS)
async def test_the_endpoint_responds_as_it_does_behind_hypercorn(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    async with serving(Functions().served) as served:
        served.router.body_limit = 500_000
        fast, slow = await both(served, data)

        assert fast == slow


@pytest.mark.parametrize("data", INGRESS_REQUESTS)
async def test_the_ingress_responds_as_it_does_behind_hypercorn(data: bytes) -> None:
    functions = StatefulFunctions()

    @functions.bind("test/counter")
    def count(context: Context, message: int) -> None: ...

    async with serving(functions, ingress=True) as served:
        fast, slow = await both(served, data)

        assert fast == slow
