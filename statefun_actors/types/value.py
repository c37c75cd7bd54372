"""What a typed value is in Python, for whoever has no declaration at hand: tests, tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from statefun_actors.model import TypedValue
from statefun_actors.types.codec import Codec, UnstorableTypeError
from statefun_actors.types.codecs import codec_for
from statefun_actors.types.display import codec_known
from statefun_actors.types.json import JSON_TYPENAME, parse_json
from statefun_actors.types.names import classes_named
from statefun_actors.types.records import record_of_typed


def codec_named(typename: str, known: Mapping[str, Codec] | None = None) -> Codec | None:
    """The codec of *typename*: by *known* codecs, primitives, imported classes; None where nothing here knows it.

    Raises:
        UnstorableTypeError: the class of that name can't be stored.
    """
    codec = (known.get(typename) if known else None) or codec_known(typename)
    if codec is None and (classes := classes_named(typename)):
        codec = codec_for(classes[-1])
    return codec


def value_of(typed: TypedValue, known: Mapping[str, Codec] | None = None) -> Any:
    """The Python value of *typed*: by *known* codecs, primitives, imported classes; records as records.

    ``statefun-actors/json`` gives JSON builtins. What nothing here knows, or can read, is returned as it is.
    """
    try:
        codec = codec_named(typed.typename, known)
        if codec is not None:
            return codec.decode(typed.value, typed.typename)
        if typed.typename == JSON_TYPENAME:
            return parse_json(typed.value)
        record = record_of_typed(typed)
    except (UnstorableTypeError, ValueError):  # of the ValueErrors, ValueMismatchError is one
        return typed
    return typed if record is None else record
