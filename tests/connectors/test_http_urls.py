"""URLs of HTTP endpoints, which may have secrets."""

from __future__ import annotations

import logging
import re

import pytest

from statefun_actors.connectors.http import HttpSink
from statefun_actors.types import pack
from tests.connectors.receiver import Post, Receiver, answer
from tests.connectors.test_http import OUT, Naps, Teller
from tests.engine.engines import failing_egress, running, until
from tests.engine.engines import send as post


async def test_secrets_in_a_url_are_shown_neither_in_logs_nor_in_reasons(caplog: pytest.LogCaptureFixture) -> None:
    async def move_on(post: Post) -> bytes:
        return (
            answer(301, location=f"http://me:secret@127.0.0.1{post.path}") if post.json["value"] == "a" else answer(200)
        )

    async with Receiver(move_on) as receiver:
        url = receiver.url.replace("http://", "http://me:secret@").replace("?x=1", "?token=s3cret")
        with caplog.at_level("INFO"):
            async with running(Teller, sinks={OUT: HttpSink(url, sleep=Naps())}) as engine:
                post(engine, Teller.at("a"), pack("b"))
                await engine.idle()
                post(engine, Teller.at("a"), pack("a"))
                await until(lambda: engine.view.failing_egress)
                failing = failing_egress(engine)

        assert receiver.posts[0].path == "/records?token=s3cret"
        assert receiver.posts[0].headers["authorization"] == "Basic bWU6c2VjcmV0"
    assert failing == {OUT: "301 Moved Permanently; it points to http://127.0.0.1/records?…"}
    assert f'HTTP Request: POST http://127.0.0.1:{receiver.port}/records?… "HTTP/1.1 200 X"' in caplog.messages
    assert not re.search("s3?cret", caplog.text)
    assert not logging.getLogger("httpx").filters
