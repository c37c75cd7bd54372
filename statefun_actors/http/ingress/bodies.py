"""Reads the body of a request to the ingress: its format, from the headers, and its message."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Final

import msgspec

from statefun_actors.asking import KEY_FORM, key_mismatch
from statefun_actors.errors import ValueMismatchError
from statefun_actors.http.request import RefusedError, Request, line
from statefun_actors.ingress import MessageEncoder, NoJsonFormError, RepeatedKeyError, check_once
from statefun_actors.model import TypedValue
from statefun_actors.text import describe
from statefun_actors.types import json_fault

VENDOR: Final = "application/vnd."
_JSON: Final = "application/json"
_LINES: Final = ("application/jsonl", "application/x-ndjson", "application/x-jsonlines")
_BYTES: Final = ("application/x-protobuf", "application/protobuf", "application/octet-stream")
_decode: Final = msgspec.json.Decoder().decode


class BodyFormat(Enum):
    """The format of a body."""

    JSON = "JSON"
    BYTES = "bytes"
    LINES = "lines of JSON"
    NOT_SAID = "not said"
    OTHER = "other"


_FORM_JSON: Final = BodyFormat.JSON  # CPython 3.11 takes long to look up a member
_FORM_BYTES: Final = BodyFormat.BYTES


class BodyHeaders(msgspec.Struct, frozen=True, gc=False):
    """The headers about a body.

    Args:
        typename: the type of the message; None if neither header nor query names it.
        key: the Idempotency-Key, or None.
    """

    form: BodyFormat
    typename: str | None
    key: str | None


def read_headers(request: Request, typename: str | None) -> BodyHeaders:
    """Read the headers of *request*, whose query has ``?type=`` *typename*.

    Raises:
        RefusedError: they are invalid, or contradict each other.
    """
    content_type = encoding = key = b""
    for name, header in request.headers:
        if name == b"content-type":
            content_type = header
        elif name == b"idempotency-key":
            if key and key != header:
                raise bad("expected one Idempotency-Key, got two")
            key = header or b" "
        elif name == b"content-encoding":
            encoding = header
    check_encoding(encoding)
    form, named = body_format(content_type)
    if named is not None and typename not in {None, named}:
        raise bad(f"expected one type, got two: ?type={typename} and Content-Type {VENDOR}{named}; omit one of them")
    typename = typename if named is None else named
    if form is BodyFormat.NOT_SAID and typename is None:
        form = BodyFormat.JSON
    return BodyHeaders(form, typename, _key(key) if key else None)


@lru_cache(1024)
def body_format(content_type: bytes) -> tuple[BodyFormat, str | None]:
    """The format of the body, and its type if the media type names one."""
    media = content_type.decode("latin-1").partition(";")[0].strip()
    lower = media.lower()
    if not media:
        return BodyFormat.NOT_SAID, None
    if lower.startswith(VENDOR) and len(media) > len(VENDOR):
        return BodyFormat.JSON, media[len(VENDOR) :]
    if lower == _JSON:
        return BodyFormat.JSON, None
    if lower in _BYTES:
        return BodyFormat.BYTES, None
    return (BodyFormat.LINES if lower in _LINES else BodyFormat.OTHER), None


def read_body(encoder: MessageEncoder, form: BodyFormat, body: bytes) -> TypedValue:
    """The message in *body*. Raises RefusedError: it is not a message of the type."""
    try:
        return _value(encoder, form, body)
    except (NoJsonFormError, ValueMismatchError) as error:
        raise unfit(str(error)) from None
    except RefusedError:
        raise
    except Exception as error:
        raise unfit(f"the body can't be read: {describe(error)}") from None


def _value(encoder: MessageEncoder, form: BodyFormat, body: bytes) -> TypedValue:
    if form is _FORM_BYTES:
        return encoder.checked(body)
    if form is not _FORM_JSON:
        text = f"expected the Content-Type {_JSON}, {VENDOR}<typename> (JSON as well), {_BYTES[0]} or {_BYTES[-1]}"
        raise RefusedError(line(415, text))
    try:
        obj = _decode(body)
        check_once(obj, body)
    except RepeatedKeyError as error:
        raise unfit(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise unfit(f"the body is not JSON: {json_fault(body, error)}") from None
    return encoder.typed(obj)


def _key(written: bytes) -> str:
    key = written.strip(b" \t").decode("latin-1")  # spaces around it belong to the header
    if (got := key_mismatch(key)) is not None:
        raise bad(f"expected an Idempotency-Key of {KEY_FORM}, got {got}")
    return key


def check_encoding(encoding: bytes) -> None:
    """Raises RefusedError: the body is compressed."""
    if encoding and encoding.lower() != b"identity":
        text = f"expected a body without content encoding, got {encoding.decode('latin-1')[:40]}"
        raise RefusedError(line(415, text, (b"accept-encoding", b"identity")))


def bad(text: str) -> RefusedError:
    """400 with *text*."""
    return RefusedError(line(400, text))


def unfit(text: str) -> RefusedError:
    """422 with *text*."""
    return refused(422, text)


def refused(status: int, text: str) -> RefusedError:
    """*status* with *text* on one line."""
    return RefusedError(line(status, " ".join(text.split())))
