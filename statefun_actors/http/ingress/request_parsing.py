"""Parser for requests to the ingress: returns their messages, or raises the reason of the refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.errors import InternalMessageError, UnhandledMessageError, UnknownFunctionTypeError
from statefun_actors.http.ingress.bodies import (
    VENDOR,
    BodyFormat,
    bad,
    body_format,
    check_encoding,
    read_body,
    read_headers,
    unfit,
)
from statefun_actors.http.ingress.many_messages import LinesBody
from statefun_actors.http.ingress.query import read_query
from statefun_actors.http.request import RefusedError, Request, line
from statefun_actors.ingress import (
    IngressMessage,
    Lines,
    MessageEncoder,
    MessageEncoders,
    UnclearTypeError,
    Wait,
)

PATH: Final = "/ingress"
_MOST_TEMPLATES: Final = 1_000

_PREFIX: Final = PATH.encode() + b"/"
_PERCENT: Final = ord("%")
"""To search bytes for a number costs a seventh of a search for bytes."""
_NO_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class RequestTemplate(msgspec.Struct, frozen=True, gc=False):
    """The parsed parts that requests share if they differ only in id and body. Cached."""

    encoder: MessageEncoder
    form: BodyFormat
    wait: Wait
    seconds: float
    delay_ms: int


class RequestParser:
    """Reads requests for one application. All its methods raise RefusedError."""

    def __init__(self, app: Application) -> None:
        self._encoders = MessageEncoders(app)
        self._lines = Lines(app)
        self._templates: dict[tuple[bytes, bytes, bytes], RequestTemplate] = {}
        """Templates by path before the id, query, and headers."""

    def message(self, request: Request, body: bytes) -> tuple[IngressMessage, float]:
        """The message of a request to ``/ingress/<namespace>/<name>/<id>``, and the seconds that its sender waits."""
        path, _, query = request.target.partition(b"?")
        prefix, _, id = path.rpartition(b"/")
        key = None
        template = self._templates.get((prefix, query, request.block))
        if template is not None and id and _PERCENT not in id:
            target = tuple.__new__(Address, (template.encoder.target, id.decode()))
        else:
            template, target, key = self._found(path, query, request)
        value = read_body(template.encoder, template.form, body)
        return IngressMessage(target, value, template.delay_ms, template.wait, key), template.seconds

    def _found(self, path: bytes, raw_query: bytes, request: Request) -> tuple[RequestTemplate, Address, str | None]:
        """The template of a request, its target, and its idempotency key."""
        typename, id = target_of(path)
        query = read_query(raw_query)
        headers = read_headers(request, query.typename)
        try:
            encoder = self._encoders.encoder(typename, headers.typename)
        except UnknownFunctionTypeError as error:
            raise RefusedError(line(404, str(error))) from None
        except UnclearTypeError as error:
            raise unfit(f"{error}: write ?type=<typename>, or Content-Type: {VENDOR}<typename>") from None
        except UnhandledMessageError as error:
            raise unfit(str(error)) from None
        except InternalMessageError as error:
            raise RefusedError(line(403, str(error))) from None
        template = RequestTemplate(encoder, headers.form, query.wait, query.seconds, query.delay_ms)
        if request.block and headers.key is None and path.isascii() and b"%" not in path:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            self._templates[_PREFIX + typename.encode(), raw_query, request.block] = template
        return template, tuple.__new__(Address, (encoder.target, id)), headers.key

    def lines(self, request: Request, body: bytes, headers: Mapping[str, str] | None = None) -> LinesBody:
        """The messages of a request to ``/ingress``, one in each line of *body*, which is not parsed yet."""
        _, question_mark, _ = request.target.partition(b"?")
        if question_mark:
            raise bad("expected no query with many messages: types are in the lines, and no reply is awaited")
        if request.header(b"idempotency-key"):
            raise bad(
                "expected no Idempotency-Key with many messages: send it with one, to /ingress/<namespace>/<name>/<id>"
            )
        check_encoding(request.header(b"content-encoding"))
        form, _ = body_format(request.header(b"content-type"))
        if form is not BodyFormat.LINES:
            text = "expected lines of JSON, with Content-Type: application/jsonl; send one message to "
            raise RefusedError(line(415, text + "/ingress/<namespace>/<name>/<id>"))
        return LinesBody(self._lines, body, headers)


def target_of(path: bytes) -> Address:
    """The target in *path*. The id is the rest of the path, so it may contain ``/``, plainly or as ``%2F``.

    Raises:
        RefusedError: *path* is not that of one message.
    """
    parts = path[len(_PREFIX) :].split(b"/", 2) if path.startswith(_PREFIX) else []
    if len(parts) != 3 or not all(parts):
        raise RefusedError(line(404, "expected the path /ingress/<namespace>/<name>/<id>"))
    if b"%" in path and _NO_ESCAPE.search(path):
        raise bad("a % in the path must begin an escape such as %2F; write % itself as %25")
    try:
        namespace, name, id = (unquote_to_bytes(part).decode() if b"%" in part else part.decode() for part in parts)
    except UnicodeDecodeError:
        raise bad("expected a path in percent-encoded UTF-8") from None
    return tuple.__new__(Address, (f"{namespace}/{name}", id))  # their parts are checked above
