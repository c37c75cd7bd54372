"""Answers of the backend as HTTP responses."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final, assert_never
from urllib.parse import quote

from statefun_actors.http.request import JSON, OCTETS, RefusedError, Response, line
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    Interrupted,
    KeyReused,
    NotOpen,
    NotTaken,
    Replied,
    Taken,
    TooMany,
    Unfit,
)
from statefun_actors.model import TypedValue
from statefun_actors.text import describe
from statefun_actors.types import Codec, json_text_of

_TAKEN: Final = Response(202)
_HANDLED: Final = Response(204)
NOT_OPEN: Final = line(
    404, "no ask is open here: it is answered, expired or unknown; `statefun-actors asks APP` lists open asks"
)
"""The same in all cases, so that it doesn't show whether a guessed token ever existed."""
_RETRY: Final = (b"retry-after", b"1")


class ResponseWriter:
    """Writes responses. *known*: the codecs of an application's own types, by typename."""

    def __init__(self, known: Mapping[str, Codec]) -> None:
        self._known = known

    def response(self, answer: Answer) -> Response:
        match answer:
            case Taken():
                return _TAKEN
            case Replied():
                return self._reply(answer.value)
            case Handled():
                return _HANDLED
            case GivenUp(reason):
                return line(422, " ".join(reason.split()))
            case KeyReused(key):
                return line(409, f"another message was sent under the Idempotency-Key {key!r}; use a new key")
            case NotTaken(reason):
                return line(503, f"not taken, send it again: {reason}", _RETRY)
            case TooMany(waiting):
                text = f"not taken, send it again later: {waiting} messages are queued"
                return line(429, text, _RETRY)
            case NotOpen():
                return NOT_OPEN
            case Unfit(error):
                return error.response if isinstance(error, RefusedError) else line(422, describe(error))
            case Interrupted():
                return line(503, "the message is stored, and will be handled when the server runs again: it stops now")
            case AnswerLost(reason, certain=False):
                return line(
                    503,
                    "it is not known whether the message was taken: send it again only under the same "
                    f"Idempotency-Key: {reason}",
                )
            case AnswerLost(reason):
                return line(
                    503,
                    "the message is stored, and will be handled; only its answer is lost: send it again only under the "
                    f"same Idempotency-Key: {reason}",
                )
            case _:
                assert_never(answer)

    def _reply(self, value: TypedValue) -> Response:
        text = json_text_of(value, self._known)
        if text is None:
            return Response(200, value.value, OCTETS, _typed(value.typename))
        return Response(200, text, JSON, _typed(value.typename))


@functools.lru_cache(1_000)  # an application has few types
def _typed(typename: str) -> tuple[tuple[bytes, bytes], ...]:
    """The header with the type."""
    return ((b"statefun-type", quote(typename, safe="/.:;@!$&'()*+,=-_~").encode()),)


def timeout_response(seconds: float, *, durable: bool, failing: str | None = None) -> Response:
    """The response after a timeout. *failing*: a sentence on a message of the same address that keeps failing."""
    what = "the message stays delivered" if durable else "the message may or may not be stored"
    why = "" if failing is None else f": {failing}"
    return line(504, f"no answer within {seconds:g} s; {what}{why}")
