"""The route for answers to open asks: ``POST /replies/<token>``."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.conversations import OpenAsk
from statefun_actors.dispatch import Application
from statefun_actors.errors import UnhandledMessageError, UnknownFunctionTypeError
from statefun_actors.http.ingress.bodies import VENDOR, BodyHeaders, read_body, read_headers, unfit
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.pending import PendingAnswer
from statefun_actors.http.ingress.query import read_type
from statefun_actors.http.ingress.responses import NOT_OPEN, ResponseWriter
from statefun_actors.http.message_headers import headers_reader
from statefun_actors.http.request import Pending, RefusedError, Request, Response, line
from statefun_actors.ingress import Backend, MessageEncoders, ReplyMessage, UnclearTypeError, digest
from statefun_actors.model import TypedValue

PATH: Final = "/replies"
_PREFIX: Final = PATH.encode() + b"/"


class RepliesRoute:
    """Passes answers to open asks to *backend*. The token in the path is the permission.

    202 once the answer is durable; 404, always the same, if no ask is open under the token; 422 for a body that the ask
    does not take, which leaves it open; otherwise as the route for messages.
    """

    def __init__(self, app: Application, backend: Backend, guard: Guard) -> None:
        self._backend, self._guard = backend, guard
        self._encoders = MessageEncoders(app)
        self._writer = ResponseWriter(app.codecs())
        self._headers = headers_reader(app)

    def at(self, path: str) -> RepliesRoute | None:
        """This route, if *path* is one of its paths."""
        return self if path.startswith(PATH) and path[len(PATH) : len(PATH) + 1] in {"", "/"} else None

    def admit(self, request: Request) -> None:
        self._guard.admit(request)
        if request.method != "POST":
            raise RefusedError(line(405, f"send an answer by POST, not {request.method[:20]}", (b"allow", b"POST")))

    def address(self, path: bytes) -> Address | None:
        """The reply address that a request to *path* answers; None without a token."""
        token = _token(path)
        return Address(REPLY, token) if token else None

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        path, _, query = request.target.partition(b"?")
        try:
            headers = read_headers(request, read_type(query))
        except RefusedError as refused:
            return refused.response
        token = _token(path)
        if token is None:
            return NOT_OPEN
        pending = PendingAnswer(self._writer)
        # Not of the value: only the ask may know its type, and the ask is removed once it is answered.
        parts = (headers.form.value.encode(), (headers.typename or "").encode(), body)
        key_digest = None if headers.key is None else digest(*parts)
        kept = None if self._headers is None else self._headers(request)
        reply = ReplyMessage(token, lambda ask: self._encoded(ask, headers, body), headers.key, key_digest, kept)
        self._backend.take(reply, pending.answer)
        return pending.response or pending

    def _encoded(self, ask: OpenAsk, headers: BodyHeaders, body: bytes) -> TypedValue:
        """The message for *ask*. Raises RefusedError: *ask* does not take it."""
        try:
            encoder = self._encoders.answer(ask.asker.typename, ask.then, headers.typename)
        except UnclearTypeError as error:
            raise unfit(f"{error}: write ?type=<typename>, or Content-Type: {VENDOR}<typename>") from None
        except (UnhandledMessageError, UnknownFunctionTypeError) as error:
            raise unfit(str(error)) from None
        return read_body(encoder, headers.form, body)


def _token(path: bytes) -> str | None:
    """The token in *path*, or None. It may be quoted, as in the JSON of a reply that is a token."""
    if not path.startswith(_PREFIX):
        return None
    try:
        return unquote_to_bytes(path.removeprefix(_PREFIX)).decode().strip('"') or None
    except UnicodeDecodeError:
        return None
