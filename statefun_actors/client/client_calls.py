"""``ClientCalls``: what the blocking and the asyncio client share: checked arguments, requests, responses."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

try:
    import httpx
except ImportError as error:
    raise ImportError('statefun_actors.client needs httpx: pip install "statefun-actors[client]"') from error

from statefun_actors.address import Address
from statefun_actors.calls import CallOptions, check_call, checked_timeout, reply_address_of, timeout_seconds
from statefun_actors.client.http_attempts import Broken, HttpAttempt, HttpCall
from statefun_actors.model import TypedValue
from statefun_actors.types import pack

_CONNECT_SECONDS: Final = 5.0


class ClientCalls:
    """Base of both clients: their arguments, checked, as requests."""

    def __init__(self, url: str, token: str | None, timeout: timedelta | float) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ValueError(f"expected a URL such as http://127.0.0.1:8080, got {url!r}")
        self._url = url.rstrip("/")
        self._timeout = checked_timeout(timeout)
        self._headers: Mapping[str, str] = {} if token is None else {"authorization": f"Bearer {token}"}

    def _call(
        self,
        target: Address,
        value: TypedValue,
        options: CallOptions,
        *,
        waits: bool = False,
        until_reply: bool = False,
        answers: bool = False,
        delay_ms: int = 0,
    ) -> HttpCall:
        return HttpCall(
            target=target,
            value=value,
            waits=waits,
            until_reply=until_reply,
            answers=answers,
            delay_ms=delay_ms,
            key=options.get("key") or uuid.uuid4().hex,
            seconds=timeout_seconds(options, self._timeout),
        )

    def _answer(self, address: Address | str, message: object, options: CallOptions) -> HttpCall:
        check_call("answer", options)
        return self._call(reply_address_of(address), pack(message), options, answers=True)

    def _request(self, attempt: HttpAttempt) -> dict[str, Any]:
        return {
            "method": "POST",
            "url": self._url + attempt.path,
            "headers": {**self._headers, **attempt.headers},
            "content": attempt.body,
            "timeout": httpx.Timeout(attempt.seconds, connect=min(attempt.seconds, _CONNECT_SECONDS)),
        }

    @staticmethod
    def _broken(error: httpx.RequestError, attempt: HttpAttempt) -> Broken:
        match error:
            case httpx.ReadTimeout():
                return late(attempt)
            case httpx.ConnectTimeout() | httpx.WriteTimeout() | httpx.PoolTimeout():
                return Broken("no connection in time")
            case httpx.ConnectError():
                return Broken(f"no connection ({error})")
            case httpx.DecodingError():
                return Broken(f"the response can't be read ({error})")
            case _:
                return Broken(f"the connection broke ({str(error) or type(error).__name__})")


def late(attempt: HttpAttempt) -> Broken:
    """*attempt* was not answered, or not in full, in its time."""
    return Broken(f"no answer within {attempt.seconds:.1f} s", late=True)
