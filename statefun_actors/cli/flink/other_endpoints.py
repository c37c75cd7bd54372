"""Endpoints of other applications of the same job: which of them can't be reached.

Flink itself says so after minutes only, when the timeout of a call fails the job, and without the name.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import urlsplit

import attrs

from statefun_actors.deploy import Module

_CONNECT_SECONDS: Final = 3.0
_PORTS: Final = {"http": 80, "https": 443}


@attrs.frozen
class OtherEndpoint:
    """An endpoint that is not this application's: its functions, its URL, and the address to connect to."""

    functions: str
    url: str
    host: str
    port: int


def other_endpoints(module: Module, own: str) -> Sequence[OtherEndpoint]:
    """The endpoints of *module* at TCP addresses other than that of the URL *own*.

    Those whose host is another for each function, by ``{function.name}``, are left out: their hosts are unknown here.
    """
    found = []
    for endpoint in module.endpoints:
        parts = urlsplit(endpoint.url)
        if parts.netloc == urlsplit(own).netloc or parts.scheme not in _PORTS or not parts.hostname:
            continue
        if "{" in parts.netloc:
            continue
        found.append(
            OtherEndpoint(endpoint.functions, endpoint.url, parts.hostname, parts.port or _PORTS[parts.scheme])
        )
    return found


async def watch_endpoints(endpoints: Sequence[OtherEndpoint], tick: float = 5.0) -> AsyncIterator[str]:
    """Yield a line for each endpoint that can't be reached, and one when it is there again. It never ends."""
    down: set[OtherEndpoint] = set()
    while True:
        for endpoint, error in zip(endpoints, await asyncio.gather(*map(_error, endpoints)), strict=True):
            if error is not None and endpoint not in down:
                down.add(endpoint)
                yield (
                    f"Warning: the endpoint of {endpoint.functions}, {endpoint.url}, can't be reached: {error}. Flink "
                    "keeps messages for it and calls again; start it before the timeout of a call fails the job."
                )
            elif error is None and endpoint in down:
                down.remove(endpoint)
                yield f"The endpoint of {endpoint.functions}, {endpoint.url}, is there."
        await asyncio.sleep(tick)


async def _error(endpoint: OtherEndpoint) -> str | None:
    """Why no connection can be made; None if one can."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    except TimeoutError:
        return f"no answer within {_CONNECT_SECONDS:g} s"
    except OSError as error:
        return _reason(error)
    except ValueError:  # UnicodeError, of an empty or too long part
        return f"{endpoint.host!r} is not the name of a host"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return None


def _reason(error: OSError) -> str:
    strerror = error.strerror or str(error)
    return "connection refused" if isinstance(error, ConnectionRefusedError) else strerror
