"""A message on its way out, and its reply on its way back."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec

from statefun_actors.client.conversation import Answered
from statefun_actors.client.errors import NoReplyError, UnexpectedReplyError
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import Address, TypedValue
from statefun_actors.types import Codec, codec_for, codec_known, pack


def packed(target: Address, message: object) -> TypedValue:
    """*message* for *target*, which has a say in it if it knows its class.

    Raises:
        NotAMessageError, ValueMismatchError, UnhandledMessageError: it can't be sent there, or *target* is no address.
    """
    if not isinstance(target, Address):
        raise ValueMismatchError(
            "an address: Account.at('ada') or Address('bank/account', 'ada')", f"{target!r} ({type(target).__name__})"
        )
    value = pack(message)
    if (check_takes := getattr(target.__class__, "check_takes", None)) is not None:
        check_takes(value)
    return value


def reply_codec(kind: Any) -> Codec | None:
    """How to read replies of the type *kind*; None = whatever comes."""
    return None if kind is None else codec_for(kind)


def reply_of(target: Address, answered: Answered, codec: Codec | None) -> object:
    """The value in *answered*.

    Raises:
        NoReplyError: there is none.
        UnexpectedReplyError: it is no value of *codec*.
    """
    if answered.status == 204:
        raise NoReplyError(target)
    typename = unquote(answered.headers.get("statefun-type", "no type"))
    as_json = answered.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
    expected = codec.spelling if codec is not None else "a value"
    if codec is not None and typename not in codec.accepts:
        shown = answered.body[:100].decode(errors="replace")
        raise UnexpectedReplyError(target, expected, typename, shown)
    if codec is None:
        codec = codec_known(typename)
    try:
        if not as_json:
            return TypedValue(typename, answered.body) if codec is None else codec.decode(answered.body, typename)
        obj = msgspec.json.decode(answered.body)
        return obj if codec is None else codec.from_json(obj)
    except (ValueError, msgspec.MsgspecError) as error:
        raise UnexpectedReplyError(target, expected, typename, str(error)) from error
