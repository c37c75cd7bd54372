"""Parser for requests to the ingress: their messages, or why there are none."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.errors import (
    InternalMessageError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
    ValueMismatchError,
)
from statefun_actors.http.request import RefusedError, Request, line
from statefun_actors.ingress import (
    BadLine,
    IngressMessage,
    Lines,
    MessageEncoder,
    MessageEncoders,
    NoJsonFormError,
    RepeatedKeyError,
    UnclearTypeError,
    Wait,
    check_once,
)
from statefun_actors.model import TypedValue
from statefun_actors.text import describe
from statefun_actors.types import json_fault
from statefun_actors.units import DURATION_FORM, read_seconds

PATH: Final = "/ingress"
LONGEST_WAIT: Final = 300.0
LONGEST_KEY: Final = 255
_MOST_TEMPLATES: Final = 1_000

_PREFIX: Final = PATH.encode() + b"/"
_VENDOR: Final = "application/vnd."
_JSON: Final = "application/json"
_LINES: Final = ("application/jsonl", "application/x-ndjson", "application/x-jsonlines")
_BYTES: Final = ("application/x-protobuf", "application/protobuf", "application/octet-stream")
_NO_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_decode: Final = msgspec.json.Decoder().decode


class BodyFormat(Enum):
    """The form of a body."""

    JSON = "JSON"
    BYTES = "bytes"
    LINES = "lines of JSON"
    NOT_SAID = "not said"
    OTHER = "other"


class Query(msgspec.Struct, frozen=True, gc=False):
    """The query of a request."""

    typename: str | None = None
    wait: Wait = Wait.TAKEN
    seconds: float = 0.0


class ParsedMessage(msgspec.Struct, frozen=True, gc=False):
    """A message, and for how long its sender waits."""

    message: IngressMessage
    seconds: float


class RequestTemplate(msgspec.Struct, frozen=True, gc=False):
    """What requests have in common that differ only in id and body. It is worked out once."""

    encoder: MessageEncoder
    form: BodyFormat
    wait: Wait
    seconds: float


class RequestParser:
    """Reads requests for one application. All its methods raise RefusedError."""

    def __init__(self, app: Application) -> None:
        self._encoders = MessageEncoders(app)
        self._lines = Lines(app)
        self._templates: dict[tuple[bytes, bytes, bytes], RequestTemplate] = {}
        """By the path before the id, the query, and the headers."""

    def message(self, request: Request, body: bytes) -> ParsedMessage:
        """The one message of a request to ``/ingress/<namespace>/<name>/<id>``."""
        path, _, query = request.target.partition(b"?")
        prefix, _, id = path.rpartition(b"/")
        key = None
        template = self._templates.get((prefix, query, request.block))
        if template is not None and id and b"%" not in id:
            target = tuple.__new__(Address, (template.encoder.target, id.decode()))
        else:
            template, target, key = self._found(path, query, request)
        try:
            value = _value(template.encoder, template.form, body)
        except (NoJsonFormError, ValueMismatchError) as error:
            raise _unfit(str(error)) from None
        except RefusedError:
            raise
        except Exception as error:
            raise _unfit(f"the body can't be read: {describe(error)}") from None
        return ParsedMessage(IngressMessage(target, value, 0, template.wait, key), template.seconds)

    def _found(self, path: bytes, raw_query: bytes, request: Request) -> tuple[RequestTemplate, Address, str | None]:
        """The template of a request, its target, and its idempotency key."""
        typename, id = _target(path)
        content_type = encoding = key = b""
        for name, header in request.headers:
            if name == b"content-type":
                content_type = header
            elif name == b"idempotency-key":
                if key and key != header:
                    raise _bad("there are two Idempotency-Keys; send one")
                key = header or b" "
            elif name == b"content-encoding":
                encoding = header
        _check_encoding(encoding)
        query, (form, named) = _query(raw_query), _form(content_type)
        if named is not None and query.typename not in {None, named}:
            raise _bad(f"two types: ?type={query.typename} and Content-Type {_VENDOR}{named}; leave out one of them")
        typename_given = query.typename if named is None else named
        try:
            encoder = self._encoders.encoder(typename, typename_given)
        except UnknownFunctionTypeError as error:
            raise RefusedError(line(404, str(error))) from None
        except UnclearTypeError as error:
            raise _unfit(f"{error}: write ?type=<typename>, or Content-Type: {_VENDOR}<typename>") from None
        except UnhandledMessageError as error:
            raise _unfit(str(error)) from None
        except InternalMessageError as error:
            raise RefusedError(line(403, str(error))) from None
        if form is BodyFormat.NOT_SAID and typename_given is None:
            form = BodyFormat.JSON
        template = RequestTemplate(encoder, form, query.wait, query.seconds)
        if request.block and not key and path.isascii() and b"%" not in path:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            self._templates[_PREFIX + typename.encode(), raw_query, request.block] = template
        return template, tuple.__new__(Address, (encoder.target, id)), _key(key) if key else None

    def messages(self, request: Request, body: bytes) -> list[IngressMessage]:
        """The messages of a request to ``/ingress``, one in each line."""
        _, question_mark, _ = request.target.partition(b"?")
        if question_mark:
            raise _bad("many messages take no query: their types stand in their lines, and nothing is waited for")
        if request.header(b"idempotency-key"):
            raise _bad("an Idempotency-Key belongs to one message: send it to /ingress/<namespace>/<name>/<id>")
        _check_encoding(request.header(b"content-encoding"))
        form, _ = _form(request.header(b"content-type"))
        if form is not BodyFormat.LINES:
            text = "many messages are lines of JSON, with Content-Type: application/jsonl; one message goes to "
            raise RefusedError(line(415, text + "/ingress/<namespace>/<name>/<id>"))
        messages: list[IngressMessage] = []
        for number, text_line in enumerate(body.split(b"\n"), start=1):
            try:
                message = self._lines.message(text_line)
            except BadLine as bad:
                status = 403 if isinstance(bad.__cause__, InternalMessageError) else 422
                raise _refused(
                    status, f"line {number}: {str(bad).removesuffix('.')}. Nothing of this request was taken"
                ) from None
            if message is not None:
                messages.append(message)
        return messages


def _value(encoder: MessageEncoder, form: BodyFormat, body: bytes) -> TypedValue:
    if form is BodyFormat.BYTES:
        return encoder.checked(body)
    if form is not BodyFormat.JSON:
        text = (
            f"a body is written as {_JSON}, {_VENDOR}<typename> (JSON as well), {_BYTES[0]} or {_BYTES[-1]}; "
            "say so in Content-Type"
        )
        raise RefusedError(line(415, text))
    try:
        obj = _decode(body)
        check_once(obj, body)
    except RepeatedKeyError as error:
        raise _unfit(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise _unfit(f"the body is no JSON: {json_fault(body, error)}") from None
    return encoder.typed(obj)


def _target(path: bytes) -> tuple[str, str]:
    """Function type and id. The id is the rest of the path, so it may hold a ``/``, written plainly or as ``%2F``."""
    parts = path[len(_PREFIX) :].split(b"/", 2) if path.startswith(_PREFIX) else []
    if len(parts) != 3 or not all(parts):
        raise RefusedError(line(404, "a message is sent to /ingress/<namespace>/<name>/<id>"))
    if b"%" in path and _NO_ESCAPE.search(path):
        raise _bad("a % in the path begins an escape such as %2F; % itself is written %25")
    try:
        namespace, name, id = (unquote_to_bytes(part).decode() if b"%" in part else part.decode() for part in parts)
    except UnicodeDecodeError:
        raise _bad("the path is no UTF-8, percent-encoded") from None
    return f"{namespace}/{name}", id


@lru_cache(1024)
def _query(raw: bytes) -> Query:
    if not raw:
        return Query()
    given: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name not in {"type", "wait", "until"}:
            raise _bad(f"there is no ?{name[:40]}=; there are type, wait and until")
        if name in given:
            raise _bad(f"?{name}= is given twice")
        given[name] = value
    until, seconds = given.get("until"), _seconds(given.get("wait"))
    if until is not None and (until != "reply" or not seconds):
        raise _bad("until= is written ?wait=5s&until=reply: wait for a reply, from whomever it comes")
    wait = Wait.TAKEN if not seconds else Wait.HANDLED if until is None else Wait.REPLY
    return Query(given.get("type"), wait, seconds)


def _seconds(written: str | None) -> float:
    if written is None:
        return 0.0
    try:
        seconds = read_seconds(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_WAIT:
        raise _bad(f"?wait=: expected {DURATION_FORM}, more than 0 and at most 5m; got {written[:40]!r}")
    return seconds


@lru_cache(1024)
def _form(content_type: bytes) -> tuple[BodyFormat, str | None]:
    """The form of the body, and its type if the media type names one."""
    media = content_type.decode("latin-1").partition(";")[0].strip()
    lower = media.lower()
    if not media:
        return BodyFormat.NOT_SAID, None
    if lower.startswith(_VENDOR) and len(media) > len(_VENDOR):
        return BodyFormat.JSON, media[len(_VENDOR) :]
    if lower == _JSON:
        return BodyFormat.JSON, None
    if lower in _BYTES:
        return BodyFormat.BYTES, None
    return (BodyFormat.LINES if lower in _LINES else BodyFormat.OTHER), None


def _key(written: bytes) -> str:
    key = written.decode("latin-1").strip()
    if not 0 < len(key) <= LONGEST_KEY:
        raise _bad(f"an Idempotency-Key has 1 to {LONGEST_KEY} characters, got {len(key)}")
    return key


def _check_encoding(encoding: bytes) -> None:
    if encoding and encoding.lower() != b"identity":
        text = f"a body travels as it is, not with content encoding {encoding.decode('latin-1')[:40]}"
        raise RefusedError(line(415, text, (b"accept-encoding", b"identity")))


def _bad(text: str) -> RefusedError:
    return RefusedError(line(400, text))


def _unfit(text: str) -> RefusedError:
    return _refused(422, text)


def _refused(status: int, text: str) -> RefusedError:
    return RefusedError(line(status, " ".join(text.split())))
