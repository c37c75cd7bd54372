"""A proxy in front of an endpoint, which passes requests on, holds them, or fails them."""

from __future__ import annotations

import functools
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

FORWARD_SECONDS: Final = 30.0


class Proxy:
    """In front of the endpoint at *port*. Each change of an attribute holds from the next request on."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.delay = 0.0
        """Seconds before a request is passed on."""
        self.failing = False
        """Whether each request is answered by 500, without the endpoint."""
        self.closed = threading.Event()
        self._server = _Server(("127.0.0.1", 0), functools.partial(_Request, self))
        threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: Flink closes its connections at will, and drops them when it is killed."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, proxy: Proxy, *arguments: object) -> None:
        self._proxy = proxy
        super().__init__(*arguments)  # type: ignore[arg-type] # socketserver's own

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._proxy.delay:
            self._proxy.closed.wait(self._proxy.delay)
        if self._proxy.failing:
            self._answer(500, "text/plain", b"failing")
            return
        connection = http.client.HTTPConnection("127.0.0.1", self._proxy.port, timeout=FORWARD_SECONDS)
        try:
            connection.request("POST", self.path, body, {"Content-Type": "application/octet-stream"})
            response = connection.getresponse()
            self._answer(response.status, response.getheader("Content-Type", ""), response.read())
        except (OSError, http.client.HTTPException):  # the endpoint is down: no answer, as from the endpoint itself
            self.close_connection = True
        finally:
            connection.close()

    def _answer(self, status: int, type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""
