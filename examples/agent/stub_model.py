"""A model and its tools for the example: they fail, they are slow, and a tool acts once for an idempotency key.

    python examples/agent/stub_model.py 8091

The model answers "weather in X" by the tool ``weather``, "buy X" by the tool ``buy``, and repeats everything else.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast


class Model(ThreadingHTTPServer):
    """Keeps in ``purchases`` what was bought, by idempotency key.

    Args:
        port: 0 takes a free one.
        failures: the share of requests that are answered with 503, half of them after the tool has acted.
            A request that is repeated under its key is answered so at most twice.
        slowness: seconds that a request takes at the most.
    """

    daemon_threads = True

    def __init__(self, port: int, *, failures: float = 0.3, slowness: float = 0.05, seed: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.failures, self.slowness = failures, slowness
        self.purchases: dict[str, str] = {}
        self.chance = random.Random(seed)
        self.failed: Counter[str] = Counter()
        self.lock = threading.Lock()

    def use(self, tool: str, argument: str, key: str) -> str:
        if tool == "weather":
            return f"sunny in {argument}"
        with self.lock:
            self.purchases.setdefault(key, argument)
        return f"bought {argument}"


def answer(turns: list[dict[str, str]]) -> dict[str, str]:
    """What the model says next: a text, or a tool and its argument."""
    last = turns[-1]
    for tool, words in (("weather", "weather in "), ("buy", "buy ")):
        if last["role"] == "user" and last["text"].startswith(words):
            return {"tool": tool, "argument": last["text"].removeprefix(words)}
    return {"text": f"You said: {last['text']}" if last["role"] == "user" else f"It is done: {last['text']}"}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key, model = self.headers["Idempotency-Key"], cast("Model", self.server)
        with model.lock:
            fails, late = model.chance.random() < model.failures, model.chance.random() < 0.5
            pause = model.chance.random() * model.slowness
            fails = fails and model.failed[key] < 2
            model.failed[key] += fails
        time.sleep(pause)
        if fails and not late:
            self._answer(503, {"error": "try again"})
            return
        if self.path == "/think":
            content = answer(body["turns"])
        else:
            tool = self.path.removeprefix("/tools/")
            content = {"text": model.use(tool, body["argument"], key)}
        self._answer(503 if fails else 200, content)

    def _answer(self, status: int, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a line for each request would hide those of the sessions."""


if __name__ == "__main__":
    Model(int(sys.argv[1]) if len(sys.argv) > 1 else 8091).serve_forever()
