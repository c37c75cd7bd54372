"""A request to the ingress, read: the letter that it holds, or why it holds none."""

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
_MOST_WAYS: Final = 1_000

_PREFIX: Final = PATH.encode() + b"/"
_VENDOR: Final = "application/vnd."
_JSON: Final = "application/json"
_LINES: Final = ("application/jsonl", "application/x-ndjson", "application/x-jsonlines")
_BYTES: Final = ("application/x-protobuf", "application/protobuf", "application/octet-stream")
_NO_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_decode: Final = msgspec.json.Decoder().decode


class BodyFormat(Enum):
    """How a body is written."""

    JSON = "JSON"
    BYTES = "bytes"
    LINES = "lines of JSON"
    NOT_SAID = "not said"
    OTHER = "other"


class Query(msgspec.Struct, frozen=True, gc=False):
    """What stands behind the ``?``."""

    typename: str | None = None
    wait: Wait = Wait.TAKEN
    seconds: float = 0.0


class ParsedMessage(msgspec.Struct, frozen=True, gc=False):
    """A letter, and for how long its sender waits."""

    letter: IngressMessage
    seconds: float


class RequestTemplate(msgspec.Struct, frozen=True, gc=False):
    """All that requests have in common which differ in their ids and bodies alone. It is worked out once."""

    lane: MessageEncoder
    form: BodyFormat
    wait: Wait
    seconds: float


class RequestParser:
    """Reads requests for one application; all its methods raise RefusedError."""

    def __init__(self, app: Application) -> None:
        self._lanes = MessageEncoders(app)
        self._lines = Lines(app)
        self._ways: dict[tuple[bytes, bytes, bytes], RequestTemplate] = {}
        """By what stands before the id, the query, and the headers."""

    def asked(self, exchange: Request, body: bytes) -> ParsedMessage:
        """The one message of a request to ``/ingress/<namespace>/<name>/<id>``."""
        path, _, query = exchange.target.partition(b"?")
        place, _, id = path.rpartition(b"/")
        key = None
        way = self._ways.get((place, query, exchange.block))
        if way is not None and id and b"%" not in id:
            target = tuple.__new__(Address, (way.lane.target, id.decode()))
        else:
            way, target, key = self._found(path, query, exchange)
        try:
            value = _value(way, body)
        except (NoJsonFormError, ValueMismatchError) as error:
            raise _unfit(str(error)) from None
        except RefusedError:
            raise
        except Exception as error:
            raise _unfit(f"the body can't be read: {describe(error)}") from None
        return ParsedMessage(IngressMessage(target, value, 0, way.wait, key), way.seconds)

    def _found(self, path: bytes, raw_query: bytes, exchange: Request) -> tuple[RequestTemplate, Address, str | None]:
        """The way of a request, its target, and its idempotency key."""
        typename, id = _target(path)
        content_type = encoding = key = b""
        for name, header in exchange.headers:
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
        asked_type = query.typename if named is None else named
        try:
            lane = self._lanes.lane(typename, asked_type)
        except UnknownFunctionTypeError as error:
            raise RefusedError(line(404, str(error))) from None
        except UnclearTypeError as error:
            raise _unfit(f"{error}: write ?type=<typename>, or Content-Type: {_VENDOR}<typename>") from None
        except UnhandledMessageError as error:
            raise _unfit(str(error)) from None
        except InternalMessageError as error:
            raise RefusedError(line(403, str(error))) from None
        if form is BodyFormat.NOT_SAID and asked_type is None:
            form = BodyFormat.JSON
        way = RequestTemplate(lane, form, query.wait, query.seconds)
        if exchange.block and not key and path.isascii() and b"%" not in path:
            if len(self._ways) >= _MOST_WAYS:
                self._ways.clear()
            self._ways[_PREFIX + typename.encode(), raw_query, exchange.block] = way
        return way, tuple.__new__(Address, (lane.target, id)), _key(key) if key else None

    def letters(self, exchange: Request, body: bytes) -> list[IngressMessage]:
        """The messages of a request to ``/ingress``, one in each line."""
        _, question_mark, _ = exchange.target.partition(b"?")
        if question_mark:
            raise _bad("many messages take no query: their types stand in their lines, and nothing is waited for")
        if exchange.header(b"idempotency-key"):
            raise _bad("an Idempotency-Key belongs to one message: send it to /ingress/<namespace>/<name>/<id>")
        _check_encoding(exchange.header(b"content-encoding"))
        form, _ = _form(exchange.header(b"content-type"))
        if form is not BodyFormat.LINES:
            text = "many messages are lines of JSON, with Content-Type: application/jsonl; one message goes to "
            raise RefusedError(line(415, text + "/ingress/<namespace>/<name>/<id>"))
        letters: list[IngressMessage] = []
        for number, text_line in enumerate(body.split(b"\n"), start=1):
            try:
                letter = self._lines.letter(text_line)
            except BadLine as bad:
                status = 403 if isinstance(bad.__cause__, InternalMessageError) else 422
                raise _refused(
                    status, f"line {number}: {str(bad).removesuffix('.')}. Nothing of this request was taken"
                ) from None
            if letter is not None:
                letters.append(letter)
        return letters


def _value(way: RequestTemplate, body: bytes) -> TypedValue:
    lane, form = way.lane, way.form
    if form is BodyFormat.BYTES:
        return lane.checked(body)
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
    return lane.typed(obj)


def _target(path: bytes) -> tuple[str, str]:
    """Function type and id. The id is all that follows, so it may hold a ``/``, written plainly or as ``%2F``."""
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
    """How the body is written, and its type where that is said, too."""
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
