"""The JSON form of values, for display. It never fails: unreadable values are marked."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

import msgspec

from statefun_actors.asking import REPLY, SHOWN_OF_TOKEN
from statefun_actors.dispatch import unwrapped
from statefun_actors.model import Invocation, TypedValue
from statefun_actors.store import Message, Timer
from statefun_actors.types import NO_JSON, Codec, json_of

_decode: Final = msgspec.json.Decoder().decode


def form_of(value: TypedValue, known: Mapping[str, Codec] | None = None) -> object:
    """The JSON form of *value*; ``{"type": …, "base64": …}`` if it has none."""
    shown = json_of(value, known)
    if shown is not NO_JSON:
        return shown
    if value.value[:1] in (b"{", b"["):  # a message of an unknown class
        try:
            return _decode(value.value)
        except (ValueError, RecursionError):
            pass
    return {"type": value.typename, "base64": base64.b64encode(value.value).decode()}


def shown_form(value: TypedValue, known: Mapping[str, Codec] | None = None) -> object:
    """:func:`form_of` for listings: reply addresses in it are shortened."""
    return shortened_tokens(form_of(value, known))


def shortened_tokens(form: object) -> object:
    """The JSON form *form*, with only the first characters of the tokens of reply addresses in it."""
    match form:
        case [str(typename), str(token)] if typename == REPLY:
            return [typename, token[:SHOWN_OF_TOKEN]]
        case list():
            return [shortened_tokens(item) for item in form]
        case dict():
            return {name: shortened_tokens(item) for name, item in form.items()}
        case _:
            return form


def message_inside(message: Message | Timer) -> Invocation:
    """The value and caller of *message*; of an answer or an attempt those inside its envelope."""
    return unwrapped(Invocation(message.value, message.caller))
