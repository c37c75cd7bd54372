"""The endpoint of the conformance cases: in this process, where their classes are, and with a look at all that passes.

Flink is one for all cases, and its state stays: so each run of a case has ids of its own there, ``<run>:<id>``, which
the app behind the tap never sees.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

import attrs

from statefun_actors import Address
from statefun_actors.wire import v3_pb2


@attrs.frozen
class Answer:
    """None = the batch failed."""

    body: bytes | None


NOTHING_DONE = Answer(b"\xa2\x06\x00")
"""An invocation result without anything in it."""


class Tapped(Protocol):
    """The handler of the requests of one run."""

    loop: asyncio.AbstractEventLoop

    async def answer(self, request: v3_pb2.ToFunction) -> Answer: ...


class Tap:
    """Hands each request to the run that its id names."""

    def __init__(self) -> None:
        self._runs: dict[str, Tapped] = {}
        self._numbers = itertools.count(1)  # its next() is atomic: cases run in several threads
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Request, self._answer))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="tap", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def open(self, tapped: Tapped) -> str:
        """The run's name."""
        name = f"run-{next(self._numbers)}"
        self._runs[name] = tapped
        return name

    def close_run(self, name: str) -> None:
        """Drop its later messages."""
        del self._runs[name]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, body: bytes) -> Answer:
        request = v3_pb2.ToFunction.FromString(body)
        tapped = self._runs.get(request.invocation.target.id.partition(":")[0])
        if tapped is None:
            return NOTHING_DONE
        answering: Coroutine[object, object, Answer] = tapped.answer(request)
        try:
            waiting: Future[Answer] = asyncio.run_coroutine_threadsafe(answering, tapped.loop)
        except RuntimeError:  # its loop is closed
            answering.close()
            return NOTHING_DONE
        try:
            return waiting.result()
        except CancelledError:
            return NOTHING_DONE


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, answer: object, *arguments: object) -> None:
        self._answer = answer
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer: Answer = self._answer(body)  # type: ignore[operator]
        self.send_response(500 if answer.body is None else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(answer.body or b"")))
        self.end_headers()
        self.wfile.write(answer.body or b"")

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


def address_of(address: v3_pb2.Address) -> Address:
    """As the app knows it."""
    return Address(f"{address.namespace}/{address.type}", address.id.partition(":")[2])


def in_run(run: str, address: Address) -> Address:
    """As Flink knows it."""
    return Address(address.typename, f"{run}:{address.id}")
