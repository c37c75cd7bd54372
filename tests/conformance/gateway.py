"""The door of the cases in front of Flink: an HTTP client of ``statefun-actors gateway``."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from tests.conformance.doors import JSON, Answer

_WAITS: Final = {"wait=5s": "wait=60s", "wait=20ms": "wait=3s"}
"""What takes no time on the embedded engine takes some here, and on a busy machine more."""
_SECONDS: Final = 90.0
_ADDRESS: Final = re.compile(r"^(/ingress/conf/[\w-]+/)")
_runs: Final = itertools.count(1)


class GatewayDoor:
    """A client of the shared gateway. Flink is one for all cases, so each run has ids of its own."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client, self._run = client, f"door-{next(_runs)}."

    async def ask(
        self, path: str, body: object, content_type: str | None = JSON, method: str = "PUT", **headers: str
    ) -> Answer:
        found = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            found["content-type"] = content_type
        path = _ADDRESS.sub(rf"\g<1>{self._run}", path)
        for here, there in _WAITS.items():
            path = path.replace(here, there)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await self._client.request(method, path, content=content, headers=found)
        return Answer(response.status_code, response.text, dict(response.headers))


@asynccontextmanager
async def open_gateway() -> AsyncGenerator[GatewayDoor]:
    """Skips where this machine can't run Flink."""
    from tests.gateway.session import gateway  # it serves the entities of the cases, which import this

    async with httpx.AsyncClient(base_url=gateway().url, timeout=_SECONDS) as client:
        yield GatewayDoor(client)
