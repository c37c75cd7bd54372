"""The fast path's parser next to h11: h11 reads the same heads in the same way, and waits where it waits."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.http.fastpath import DECLINED, INCOMPLETE, Head, Unread, read_head

PLAIN = b"POST /statefun HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"


def request(*lines: bytes, start: bytes = b"POST /statefun HTTP/1.1", host: bool = True, length: bool = True) -> bytes:
    """A plain request, except for the arguments."""
    own = [b"Host: a"] * host + [b"Content-Length: 5"] * length
    return b"\r\n".join([start, *own, *lines, b"", b""])


def read_by_h11(data: bytes) -> tuple[h11.Connection, object]:
    """A server's h11 that was given *data*, and its first event."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=16 * 1024)
    connection.receive_data(data)
    try:
        return connection, connection.next_event()
    except h11.RemoteProtocolError as error:
        return connection, error


def check_beside_h11(data: bytes) -> Head | Unread:
    """The head that the parser reads from *data*, which must not contradict h11."""
    head = read_head(data)
    connection, event = read_by_h11(data)
    if head is INCOMPLETE:
        assert event is h11.NEED_DATA
    elif isinstance(head, Head):
        assert isinstance(event, h11.Request)
        assert event.method == head.method.encode()
        assert event.target == head.target
        assert event.http_version == b"1.1"
        assert tuple(event.headers) == head.headers
        assert not connection.they_are_waiting_for_100_continue
        check_body(connection, head, data)
    return head


def check_body(connection: h11.Connection, head: Head, data: bytes) -> None:
    """The body is where h11 finds it, and the connection is kept after it."""
    missing = head.size + head.length - len(data)
    if missing > 0:
        connection.receive_data(b"x" * min(missing, 100_000))
        if missing > 100_000:
            return
        data += b"x" * missing
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert body == data[head.size : head.size + head.length]
    assert connection.trailing_data[0] == data[head.size + head.length :]
    connection.send(h11.Response(status_code=200, headers=[(b"content-length", b"0")]))
    connection.send(h11.EndOfMessage())
    connection.start_next_cycle()


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (PLAIN, ((b"host", b"localhost"), (b"content-length", b"5"))),
        (request(b"X:"), ((b"host", b"a"), (b"content-length", b"5"), (b"x", b""))),
        (request(b"X: \t a \t b \t "), ((b"host", b"a"), (b"content-length", b"5"), (b"x", b"a \t b"))),
        (request(b"CoNNection: Keep-Alive"), None),
        (request(b"X: 1", b"X: 2"), None),
        (request(start=b"PUT /ingress/a/b/%ff?x=%20&y HTTP/1.1"), None),
        (request(b"Content-Length: 007", length=False), None),
        (request(b"Content-Length: 0", length=False), None),
        (request(b"Cookie: " + b"a" * 7_000), None),
    ],
)
def test_accepted_requests(data: bytes, headers: object) -> None:
    head = check_beside_h11(data + b"12345 and more")

    assert isinstance(head, Head)
    assert headers is None or head.headers == headers


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" + PLAIN,
        b"\x16\x03\x01",
        request(start=b"post /statefun HTTP/1.1"),
        request(start=b"POST  /statefun HTTP/1.1"),
        request(start=b"POST /statefun  HTTP/1.1"),
        request(start=b"POST /statefun HTTP/1.0"),
        request(start=b"POST /statefun HTTP/1.1 "),
        request(start=b"POST /stat efun HTTP/1.1"),
        request(start=b"POST /statef\xc3\xbcn HTTP/1.1"),
        request(start=b"POST http://a/statefun HTTP/1.1"),
        request(start=b"POST * HTTP/1.1"),
        request(host=False),
        request(b"Host: b"),
        request(length=False),
        request(b"Content-Length: 5"),
        request(b"Content-Length: 6"),
        request(b"Content-Length: 5, 5", length=False),
        request(b"Content-Length: +5", length=False),
        request(b"Content-Length: -5", length=False),
        request(b"Content-Length: 0x5", length=False),
        request(b"Content-Length: 5 5", length=False),
        request(b"Content-Length: \xd9\xa5", length=False),
        request(b"Content-Length: 5_0", length=False),
        request(b"Content-Length: " + b"9" * 30, length=False),
        request(b"Content-Length:", length=False),
        request(b"Transfer-Encoding: chunked"),
        request(b"Transfer-Encoding: chunked", length=False),
        request(b"Transfer-Encoding: identity"),
        request(b"transfer-encoding:\tCHUNKED"),
        request(b"Expect: 100-continue"),
        request(b"Connection: close"),
        request(b"Connection: keep-alive, Upgrade"),
        request(b"Upgrade: h2c"),
        request(b"X: a", b" folded"),
        request(b"X: a", b"\tfolded"),
        request(b" X: a"),
        request(b"X : a"),
        request(b"X"),
        request(b": a"),
        request(b"X: a\x00"),
        request(b"X: a\x0bb"),
        request(b"X: a\x7f"),
        request(b"X: \xc3\xbc"),
        request(b"X\xc3\xbc: a"),
        request(b"X: a\nY: b"),
        request(b"X: a\rY: b"),
        request(b"X: a\n"),
        request(b"(X): a"),
        request(b"Cookie: " + b"a" * 9_000),
        PLAIN.replace(b"\r\n", b"\n"),
        PLAIN.replace(b"\r\n\r\n", b"\n\n"),
        PLAIN.replace(b"\r\n\r\n", b"\r\n\n"),
        b"POST /" + b"a" * 9_000,
    ],
)
def test_declined_requests(data: bytes) -> None:
    assert check_beside_h11(data + b"12345") is DECLINED


def test_the_beginning_of_a_plain_request_is_never_declined() -> None:
    data = request(b"X: a b", b"Authorization: Bearer c")

    assert {check_beside_h11(data[:size]) for size in range(1, len(data))} == {INCOMPLETE}


ODD_NAMES = [b"Host", b"Content-Length", b"content-length", b"Transfer-Encoding", b"Connection", b"Expect", b"X "]
ODD_VALUES = [b"5", b"05", b"5, 5", b"+5", b"5 ", b"chunked", b"identity", b"close", b"keep-alive", b"100-continue"]


def mostly(usual: list[bytes], odd: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Odd once in four times."""
    return st.integers(0, 3).flatmap(lambda chance: odd if chance == 0 else st.sampled_from(usual))


names = mostly([b"X", b"x-y", b"Accept"], st.sampled_from(ODD_NAMES) | st.binary(max_size=3))
values = mostly([b"a", b"a b", b""], st.sampled_from(ODD_VALUES) | st.binary(max_size=4))
separators = mostly([b": ", b":", b":\t"], st.sampled_from([b" : ", b""]))
ends = mostly([b"\r\n"], st.sampled_from([b"\n", b"\r", b"\r\n ", b""]))
lines = st.tuples(names, separators, values, ends).map(b"".join)
starts = mostly(
    [b"POST /a HTTP/1.1\r\n", b"PUT /a?b HTTP/1.1\r\n"],
    st.sampled_from([b"POST /a HTTP/1.0\r\n", b"GET / HTTP/1.1\r\n", b"POST /a HTTP/1.1\n", b"\r\nPOST /"])
    | st.binary(max_size=5),
)
plain_lines = st.sampled_from([[b"Host: a\r\n", b"Content-Length: 3\r\n"]] * 5 + [[b"Host: a\r\n"], []])
bodies = st.sampled_from([b"", b"a", b"abc", b"abcPOST /a HTTP/1.1\r\n"]) | st.binary(max_size=8)
requests = st.builds(
    lambda start, plain, more, end, body: b"".join([start, *plain, *more, end, body]),
    starts,
    plain_lines,
    st.lists(lines, max_size=3),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b""]),
    bodies,
)


@given(requests)
def test_no_request_is_read_in_another_way_than_h11_reads_it(data: bytes) -> None:
    check_beside_h11(data)


@given(st.integers(0, len(PLAIN) - 1), st.binary(max_size=2), st.integers(0, 2))
def test_nor_is_a_plain_one_that_is_damaged(at: int, inserted: bytes, removed: int) -> None:
    check_beside_h11(PLAIN[:at] + inserted + PLAIN[at + removed :] + b"12345")
