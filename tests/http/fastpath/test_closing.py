"""The fast path on real sockets: connections that are closed or idle, and stops."""

from __future__ import annotations

import pytest

from tests.engine.engines import until
from tests.http.fastpath.sockets import PLAIN, WAITS, Functions, post, serving, turns


async def test_a_closed_connection_cancels_the_batch_under_way() -> None:
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(post(WAITS))
        await functions.entered.wait()
        client.close()
        await until(lambda: not len(served.router.in_flight))

    assert functions.cancelled


async def test_a_stop_lets_a_batch_end_and_closes_its_connection_with_the_answer() -> None:
    functions = Functions()
    async with serving(functions.served) as served:
        busy, idle = await served.client(), await served.client()
        idle.send(post(PLAIN))
        await idle.answer()
        busy.send(post(WAITS))
        await functions.entered.wait()
        served.stop.set()
        await turns()
        functions.go.set()
        answer = await busy.answer()

        assert answer.startswith(b"HTTP/1.1 200 \r\n")
        assert b"\r\nconnection: close\r\n" in answer
        assert await busy.closed()
        assert await idle.closed()


async def test_a_batch_that_outlasts_the_stop_is_cancelled_and_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.http.server.DRAIN_SECONDS", 0.05)
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(post(WAITS))
        await functions.entered.wait()
        served.stop.set()
        answer = await client.answer()

    assert answer.startswith(b"HTTP/1.1 503 \r\n")
    assert answer.endswith(b"the server stops, and cancelled this batch\n")
    assert functions.cancelled


async def test_an_idle_connection_is_closed_and_one_in_use_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.http.server.IDLE_SECONDS", 0.05)
    functions = Functions()
    async with serving(functions.served) as served:
        idle, busy = await served.client(), await served.client()
        busy.send(post(WAITS))
        idle.send(post(PLAIN))
        await idle.answer()
        assert await idle.closed()
        functions.go.set()

        assert b" 200 " in await busy.answer()


async def test_a_client_that_does_not_read_is_not_read_from() -> None:
    """Responses to it are bounded by the buffers of the sockets."""
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        some = post(PLAIN) * 2_000
        before = -1
        while functions.calls != before:
            before = functions.calls
            if client.writer.transport.get_write_buffer_size() < len(some):
                client.send(some)
            await turns(50)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await client.answer()

    assert functions.calls < 200_000
