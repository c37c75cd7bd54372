"""A bank for the example: it fails, it is slow, and it takes the money of one idempotency key once.

python examples/orders/payments.py 8090
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


class Bank(ThreadingHTTPServer):
    """Keeps in ``charges`` what was taken: idempotency key → order and cents.

    Args:
        port: 0 takes a free one.
        failures: the share of requests that are answered with 503, half of them after the money was taken.
            A request that is repeated under its key is answered so at most twice.
        slowness: seconds that a request takes at the most.
    """

    daemon_threads = True

    def __init__(self, port: int, *, failures: float = 0.3, slowness: float = 0.05, seed: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.failures, self.slowness = failures, slowness
        self.charges: dict[str, tuple[str, int]] = {}
        self.requests = 0
        self.chance = random.Random(seed)
        self.failed: Counter[str] = Counter()
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key, bank = self.headers["Idempotency-Key"], cast("Bank", self.server)
        with bank.lock:
            bank.requests += 1
            fails, late = bank.chance.random() < bank.failures, bank.chance.random() < 0.5
            pause = bank.chance.random() * bank.slowness
            fails = fails and bank.failed[key] < 2
            bank.failed[key] += fails
        time.sleep(pause)
        if fails and not late:
            self._answer(503, {"error": "try again"})
            return
        if body["cents"] > 1_000_000_00:
            self._answer(402, "no such money")
            return
        with bank.lock:
            bank.charges.setdefault(key, (body["order"], body["cents"]))
        self._answer(503 if fails else 200, {"receipt": f"R-{key[:8]}"})

    def _answer(self, status: int, content: object) -> None:
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a line for each request would hide the orders' own."""


if __name__ == "__main__":
    Bank(int(sys.argv[1]) if len(sys.argv) > 1 else 8090).serve_forever()
