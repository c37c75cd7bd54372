"""The lines of an export. The first is a header; the last has their number, so that a missing line is noticed.

One JSON object each::

    {"kind":"store","version":1,"next_seq":17}
    {"kind":"position","name":"source:/in.jsonl","position":"[3,200]"}
    {"kind":"entity","type":"bank/account","id":"ada","state":{"balance":{"type":"io.statefun.types/long","value":5}}}
    {"kind":"message","seq":9,"to":["bank/account","ada"],"value":{"type":"bank/deposit","json":{"cents":5}}}
    {"kind":"timer","seq":4,"due_ms":1790000000000,"to":["bank/account","ada"],"from":["bank/account","ada"],…}
    {"kind":"egress","seq":6,"name":"bank/receipts","value":{…}}
    {"kind":"dead_letter","seq":8,"message_seq":2,"to":["bank/account","ada"],"value":{…},"error":"no such money",…}
    {"kind":"request","to":["bank/account","ada"],"key":"7f3a","state":"replied","result":{…},"time_ms":…}
    {"kind":"end","lines":7}

A value is its typename and one of three forms: ``json`` if its bytes are that JSON text; ``value`` if its type encodes
that JSON form to exactly its bytes; otherwise ``base64``, its bytes.

Within a kind, lines are in ascending order: entities by type and id (code points), timers by ``due_ms`` and ``seq``,
requests by target and key, the others by ``seq`` or name. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from statefun_actors.address import Address
from statefun_actors.admin.portable.record_json import is_record, record_of_text
from statefun_actors.model import TypedValue
from statefun_actors.store import RequestState
from statefun_actors.types import JSON_TYPENAME, NO_JSON, Codec, codec_known, json_of

VERSION: Final = 1

Known = Mapping[str, Codec]

Int = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""The range of an integer column."""


class ValueForm(Struct, forbid_unknown_fields=True):
    """A typed value."""

    type: str
    json: Raw | UnsetType = UNSET
    value: Raw | UnsetType = UNSET
    base64: bytes | UnsetType = UNSET


class Header(Struct, tag_field="kind", tag="store", forbid_unknown_fields=True):
    version: Int
    next_seq: Int


class PositionLine(Struct, tag_field="kind", tag="position", forbid_unknown_fields=True):
    name: str
    position: str


class EntityLine(Struct, tag_field="kind", tag="entity", forbid_unknown_fields=True, omit_defaults=True):
    """An entity. ``packed``, in place of the fields before it, is a row that this version can't decode."""

    type: str
    id: str
    state: dict[str, ValueForm] = {}
    written_ms: dict[str, Int] = {}
    """The time of the last write of each state that expires."""
    last_call_ms: Int = 0
    """The time of the entity's last call."""
    expires_ms: Int | None = None
    """The time after which the row can be deleted unread."""
    packed: bytes | UnsetType = UNSET


class MessageLine(
    Struct, tag_field="kind", tag="message", forbid_unknown_fields=True, omit_defaults=True, rename={"caller": "from"}
):
    seq: Int
    to: tuple[str, str]
    value: ValueForm
    caller: tuple[str, str] | None = None
    headers: dict[str, str] | None = None


class TimerLine(
    Struct, tag_field="kind", tag="timer", forbid_unknown_fields=True, omit_defaults=True, rename={"caller": "from"}
):
    seq: Int
    due_ms: Int
    to: tuple[str, str]
    value: ValueForm
    caller: tuple[str, str] | None = None
    token: str | None = None
    headers: dict[str, str] | None = None


class EgressLine(Struct, tag_field="kind", tag="egress", forbid_unknown_fields=True, omit_defaults=True):
    seq: Int
    name: str
    value: ValueForm
    headers: dict[str, str] | None = None


class DeadLetterLine(
    Struct,
    tag_field="kind",
    tag="dead_letter",
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"caller": "from"},
):
    seq: Int
    message_seq: Int
    to: tuple[str, str]
    value: ValueForm
    error_type: str
    error: str
    attempts: Int
    time_ms: Int
    caller: tuple[str, str] | None = None
    headers: dict[str, str] | None = None


class RequestLine(Struct, tag_field="kind", tag="request", forbid_unknown_fields=True, omit_defaults=True):
    to: tuple[str, str]
    key: str
    digest: str
    time_ms: Int
    request: str
    state: RequestState
    result: ValueForm | None = None


class End(Struct, tag_field="kind", tag="end", forbid_unknown_fields=True):
    lines: Int
    """The number of lines between the first one and this one."""


Line = Header | PositionLine | EntityLine | MessageLine | TimerLine | EgressLine | DeadLetterLine | RequestLine | End

encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Line).decode
_decode_any: Final = msgspec.json.Decoder().decode
_decode_json: Final = msgspec.json.Decoder(Raw).decode


def form(value: TypedValue, known: Known) -> ValueForm:
    """*value* as a form, readable if that is lossless."""
    typename, data = value.typename, value.value
    if typename == JSON_TYPENAME or data[:1] in (b"{", b"["):
        if _stands_as_it_is(data):
            return ValueForm(typename, json=Raw(data))
    elif is_record(typename) or _codec(typename, known) is not None:
        shown = json_of(value, known)
        if shown is not NO_JSON:
            text = _text(shown)
            if text is not None and _made(typename, text, known) == data:
                return ValueForm(typename, value=Raw(text))
    return ValueForm(typename, base64=data)


def typed(form: ValueForm, known: Known) -> TypedValue:
    """The value of *form*.

    Raises:
        ValueError: there is not exactly one form, or it does not fit the type.
    """
    given = [each for each in (form.json, form.value, form.base64) if each is not UNSET]
    if len(given) != 1:
        raise ValueError(f"expected one of `json`, `value` and `base64` in a value, got {len(given)} of them")
    if isinstance(form.base64, bytes):
        return TypedValue(form.type, form.base64)
    if isinstance(form.json, Raw):
        return TypedValue(form.type, bytes(form.json))
    assert isinstance(form.value, Raw)
    return TypedValue(form.type, _of_text(form.type, bytes(form.value), known))


def pair(address: Address) -> tuple[str, str]:
    return (address[0], address[1])


def caller_pair(caller: Address | None) -> tuple[str, str] | None:
    return None if caller is None else pair(caller)


def address(pair: tuple[str, str]) -> Address:
    """Parse an address. Raises InvalidAddressError, a ValueError."""
    return Address(*pair)


def caller(pair: tuple[str, str] | None) -> Address | None:
    return None if pair is None else Address(*pair)


def _codec(typename: str, known: Known) -> Codec | None:
    """The codec that encodes *typename*, without those that only decode it."""
    codec = known.get(typename) or codec_known(typename)
    return codec if codec is not None and codec.typename == typename else None


def _stands_as_it_is(data: bytes) -> bool:
    if b"\n" in data or b"\r" in data or data != data.strip():
        return False
    try:
        _decode_any(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def _text(shown: object) -> bytes | None:
    try:
        return encode(shown)
    except (OverflowError, ValueError, msgspec.MsgspecError):
        return None


def _made(typename: str, text: bytes, known: Known) -> bytes | None:
    try:
        return _of_text(typename, text, known)
    except ValueError:
        return None


def _of_text(typename: str, text: bytes, known: Known) -> bytes:
    """Raises ValueError: the form can't be encoded."""
    if is_record(typename):
        return record_of_text(typename, text).value
    codec = _codec(typename, known)
    if codec is None:
        raise ValueError(f"{typename} can't be read here: its class is not known. Give the APP that has it")
    return codec.bytes_from_json(_decode_any(text))
