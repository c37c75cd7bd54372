"""The form of a message: a text field for each field of its class, and the JSON that they make."""

from __future__ import annotations

import datetime as dt
import decimal
import inspect
import typing
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec

from statefun_actors.admin import refuse_repeated_keys
from statefun_actors.definition import delay_ms
from statefun_actors.dispatch import Application
from statefun_actors.errors import StatefunActorsError
from statefun_actors.types import Codec, hint_of, type_arguments, unwrapped
from statefun_actors.units import read_duration

PREFIX: Final = "f."
"""Before the name of a field of a message, in a form or a query."""
_TEXTS: Final = (
    str,
    decimal.Decimal,
    dt.datetime,
    dt.date,
    dt.time,
    dt.timedelta,
    uuid.UUID,
)
"""Types whose JSON form is a text, so that nobody has to write quotes."""


class DelayError(StatefunActorsError, ValueError):
    """The delay of a message is not a duration. Retrying cannot help."""


@attrs.frozen(kw_only=True)
class MessageField:
    """A field of a message.

    Args:
        kind: its type, as Python writes it.
        optional: whether it may be left out.
        is_text: whether its JSON form is a text, which is entered without quotes.
        is_bool: whether it is a bool.
    """

    name: str
    kind: str
    optional: bool
    is_text: bool
    is_bool: bool


def message_types(app: Application, target: str) -> Sequence[str]:
    """The types of messages that the function type *target* takes from outside."""
    served = app.served_function(target)
    if served is None:
        return []
    return sorted(
        {
            bound.codec.typename
            for name, bound in served.handlers.items()
            if bound.codec is not None and served.refused(name, None) is None
        }
    )


def message_fields(app: Application, target: str, typename: str) -> Sequence[MessageField] | None:
    """The fields of messages of *typename* for *target*; None where it is not a class with fields."""
    codec = codec_of(app, target, typename)
    annotation = None if codec is None else codec.annotation
    cls = typing.get_origin(annotation) or annotation
    if not (isinstance(cls, type) and attrs.has(cls)):
        return None
    arguments = type_arguments(cls, typing.get_args(annotation))
    return [
        _field(
            attribute.name,
            unwrapped(hint_of(cls, attribute, arguments)),
            optional=attribute.default is not attrs.NOTHING,
        )
        for attribute in attrs.fields(cls)
        if attribute.init
    ]


def written_json(app: Application, target: str, typename: str | None, query: Mapping[str, str]) -> str:
    """The JSON of a message whose fields are the ``f.NAME`` of *query*. Those that are empty are left out.

    What is not JSON is taken as a text: the codec then says what it expected.

    Raises:
        WrittenValueError: an object in a field repeats a key.
    """
    form: dict[str, object] = {}
    for each in message_fields(app, target, typename or "") or []:
        text = query.get(PREFIX + each.name, "")
        if each.is_text and (text or not each.optional):
            form[each.name] = text
        elif text:
            form[each.name] = _parsed(text)
    return msgspec.json.encode(form).decode()


def read_after(text: str) -> int:
    """The delay *text* in milliseconds; 0 if it is empty.

    Raises:
        DelayError: it is not a duration.
    """
    try:
        return delay_ms(read_duration(text)) if text else 0
    except ValueError as error:
        raise DelayError(f"after: {error}") from error


def codec_of(app: Application, target: str, typename: str) -> Codec | None:
    """The codec with which *target* takes messages of *typename*; None where it has none."""
    served = app.served_function(target)
    if served is None:
        return None
    bound = served.handlers.get(typename)
    return None if bound is None else bound.codec


def _field(name: str, hint: Any, *, optional: bool) -> MessageField:
    kinds = {kind for kind in (typing.get_args(hint) or (hint,)) if kind is not type(None)}
    return MessageField(
        name=name,
        kind=inspect.formatannotation(hint),
        optional=optional,
        is_text=bool(kinds)
        and typing.get_origin(hint) not in {list, dict, set, tuple, frozenset}
        and all(isinstance(kind, type) and kind in _TEXTS for kind in kinds),
        is_bool=hint is bool,
    )


def _parsed(text: str) -> object:
    try:
        obj: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text
    refuse_repeated_keys(obj, text)
    return obj
