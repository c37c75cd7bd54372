"""One call without input and output: decides which requests to send, how long to pause, and the result.

The generator of ``attempts_of`` yields an :class:`HttpAttempt` and receives the response; or it yields a
:class:`Pause` and receives None. The blocking and the asyncio client only perform these.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping
from typing import Final, TypeAlias
from urllib.parse import quote

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import KEY_KEPT_MS
from statefun_actors.backoff import Backoff
from statefun_actors.calls import (
    CallError,
    KeyReusedError,
    MessageRefusedError,
    NotAdmittedError,
    NotOpenError,
    NotServedError,
    ReplyTimeoutError,
    UnavailableError,
    UnexpectedAnswerError,
)
from statefun_actors.model import TypedValue

_BACKOFF: Final = Backoff(0.1, 5.0)
_LONGEST_WAIT: Final = 300.0
"""The maximum of ``?wait=``, in seconds. A call that waits longer is several requests under one key."""
_LONGEST_CALL: Final = KEY_KEPT_MS / 1_000 - 2 * _LONGEST_WAIT
"""Seconds after which a call is not repeated: a server that has forgotten its key would take it for a new message."""
_LATE: Final = 1.0
"""Seconds added to ``?wait=`` for the transfer of request and response."""
_LONGEST_SHOWN: Final = 500
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503})


@attrs.frozen
class HttpAttempt:
    """A POST to *path*, to be answered within *seconds*."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    seconds: float


@attrs.frozen
class Pause:
    """A pause in seconds."""

    seconds: float


@attrs.frozen
class HttpResponse:
    """An HTTP response. *headers* are lower-case or case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@attrs.frozen
class Broken:
    """No response. *late*: the request was sent, but the response timed out."""

    reason: str
    late: bool = False


HttpResult: TypeAlias = HttpResponse | Broken
Attempts: TypeAlias = Generator[HttpAttempt | Pause, HttpResult | None, HttpResponse]


@attrs.frozen(kw_only=True)
class HttpCall:
    """A call.

    Args:
        waits: whether it waits for the end of the handler.
        until_reply: whether it waits for a reply instead, from any sender.
        answers: whether it answers the open ask at *target*, a reply address.
        delay_ms: the delay of its delivery.
        key: the idempotency key of all attempts.
        seconds: the timeout of all attempts together.
    """

    target: Address
    value: TypedValue
    waits: bool = False
    until_reply: bool = False
    answers: bool = False
    delay_ms: int = 0
    key: str
    seconds: float


def attempts_of(call: HttpCall, now: Callable[[], float], chance: Callable[[], float] = random.random) -> Attempts:
    """Retry *call* until it has a final response. *now* is in seconds; *chance*, from 0 to 1, is the jitter of pauses.

    Raises:
        CallError: the call failed.
    """
    began = now()
    attempts = 0
    seconds = min(call.seconds, _LONGEST_CALL)
    while True:
        left = seconds - (now() - began)
        result = yield _attempt(call, max(left, 0.001))
        assert result is not None
        attempts += 1
        unanswered = call.waits and _is_timeout(result)
        if isinstance(result, HttpResponse) and result.status not in _AGAIN and not unanswered:
            if 200 <= result.status < 300:
                return result
            raise _error(call, result)
        pause = _pause(result, attempts, chance())
        passed = now() - began
        if passed + pause >= seconds:
            said = result.reason if isinstance(result, Broken) else _said(result)
            if unanswered:
                raise ReplyTimeoutError(call.target, _all_of(call, attempts, seconds) + said)
            raise UnavailableError(call.target, said, attempts, passed, call.key)
        yield Pause(pause)


def _attempt(call: HttpCall, left: float) -> HttpAttempt:
    target, id = call.target, quote(call.target.id, safe="")
    if not id.strip("."):
        id = id.replace(".", "%2E")  # . and .. would be removed from the path on its way
    query = f"?type={quote(call.value.typename, safe='/')}"
    seconds = left
    if call.waits:
        wait = min(left, _LONGEST_WAIT)
        query += f"&wait={max(round(wait * 1000), 1)}ms{'&until=reply' if call.until_reply else ''}"
        seconds = wait + _LATE
    if call.delay_ms:
        query += f"&after={call.delay_ms}ms"
    to = "/replies" if call.answers else f"/ingress/{quote(target.namespace, safe='')}/{quote(target.name, safe='')}"
    path = f"{to}/{id}{query}"
    headers = {"content-type": "application/octet-stream", "idempotency-key": call.key}
    return HttpAttempt(path, headers, call.value.value, seconds)


def _is_timeout(result: HttpResult) -> bool:
    return result.late if isinstance(result, Broken) else result.status == 504


def _all_of(call: HttpCall, attempts: int, seconds: float) -> str:
    """What comes before the words of the last of several requests: the time of all of them."""
    if attempts == 1:
        return ""
    bound = "" if seconds == call.seconds else ", the most for a key that is kept for a day"
    return f"no answer within {seconds:,g} s{bound}, in {attempts} requests; the last one: "


def _pause(result: HttpResult, attempts: int, chance: float) -> float:
    """Exponential backoff with jitter, so that clients that failed together don't retry together."""
    backoff = _BACKOFF.spread(attempts, chance)
    asked = result.headers.get("retry-after", "") if isinstance(result, HttpResponse) else ""
    return max(backoff, float(asked)) if asked.isdecimal() else backoff


def _error(call: HttpCall, result: HttpResponse) -> CallError:
    target, said = call.target, _said(result)
    match result.status:
        case 401 | 403:
            return NotAdmittedError(target, said)
        case 404 if call.answers:
            return NotOpenError(target)
        case 404:
            return NotServedError(target, said)
        case 409:
            return KeyReusedError(target, said)
        case 413 | 422:
            return MessageRefusedError(target, said)
        case 504:
            return ReplyTimeoutError(target, said)
        case status:
            return UnexpectedAnswerError(target, said, status)


def _said(result: HttpResponse) -> str:
    """The body's text on one line, or the bare status if the body is not text."""
    text = " ".join(result.body[: 4 * _LONGEST_SHOWN].decode(errors="replace").split())
    if not text or text.startswith("<"):
        return f"status {result.status}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
