"""The fast path on real sockets: its requests, however their bytes arrive."""

from __future__ import annotations

import socket

import pytest

from statefun_actors.http.fastpath import FastPath
from statefun_actors.http.fastpath import fast_path as room
from tests.http.fastpath.sockets import PLAIN, WAITS, Functions, post, serving, turns


async def test_plain_requests_take_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the comparisons above would compare Hypercorn with itself."""
    handed_over = []
    monkeypatch.setattr(FastPath, "hand_over", lambda *arguments: handed_over.append(arguments))
    async with serving(Functions().served) as served:
        client = await served.client()
        for _ in range(3):
            client.send(post(PLAIN))
            assert (await client.answer()).startswith(b"HTTP/1.1 200 \r\ncontent-type: application/octet-stream\r\n")

    assert handed_over == []


async def test_a_fault_of_our_own_is_a_500_and_the_connection_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("oops")

    async with serving(Functions().served) as served:
        client = await served.client()
        with monkeypatch.context() as patch:
            patch.setattr("statefun_actors.http.endpoint.EndpointRoute.respond", broken)
            client.send(post(PLAIN))
            assert await client.answer() == (
                b"HTTP/1.1 500 \r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 17\r\n\r\n"
                b"KeyError: 'oops'\n"
            )
        client.send(post(PLAIN))
        assert b" 200 " in await client.answer()

    assert caplog.records[0].exc_info


async def test_a_request_may_be_split_at_every_byte() -> None:
    data = post(PLAIN)
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(data)
        whole = await client.answer()
        client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for size in range(1, len(data)):
            client.send(data[:size])
            await turns()
            client.send(data[size:])
            assert await client.answer() == whole

    assert functions.calls == len(data)


async def test_a_request_may_come_byte_by_byte() -> None:
    async with serving(Functions().served) as served:
        client = await served.client()
        for byte in post(PLAIN):
            client.send(bytes([byte]))
            await turns(2)

        assert b" 200 " in await client.answer()


async def test_requests_that_come_together_are_answered_in_order() -> None:
    async with serving(Functions().served) as served:
        client = await served.client()
        client.send(post(PLAIN) + post(b"\xff") + post(PLAIN) + post(PLAIN, b"/nowhere") + post(PLAIN))
        statuses = [(await client.answer())[9:12] for _ in range(5)]

        assert statuses == [b"200", b"400", b"200", b"404", b"200"]


async def test_pipelined_requests_are_answered_in_order() -> None:
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(post(WAITS) + post(PLAIN))
        await functions.entered.wait()
        client.send(post(b"\xff") + post(b"x" * 200_000))
        await turns()
        assert functions.calls == 1
        functions.go.set()
        statuses = [(await client.answer())[9:12] for _ in range(4)]

    assert statuses == [b"200", b"200", b"400", b"400"]
    assert functions.calls == 2


async def test_a_request_that_does_not_go_on_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr("statefun_actors.http.router.BODY_SECONDS", 0.01)
    async with serving(Functions().served) as served:
        client = await served.client()
        client.send(post(PLAIN)[:-1])

        assert b" 408 " in await client.answer()
