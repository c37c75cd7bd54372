"""Values as text, the same in each run and in each process."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any as Untyped
from typing import Final

import msgspec
from google.protobuf.message import Message
from google.protobuf.text_format import MessageToString

from statefun_actors.address import Address
from statefun_actors.model import INGRESS
from statefun_actors.text import one_line, shortened

_TOKEN: Final = re.compile(r"\b[0-9a-f]{32}\b")
_REQUEST: Final = re.compile(rf"({re.escape(INGRESS)}(?:/|', '))\d+")
"""The address of a caller outside: its id is the number of the request, and more requests are made under faults."""
_LONGEST: Final = 200
_BEFORE: Final = 40
"""Characters shown before the first difference of two texts."""


def displayed(value: object) -> str:
    """*value* in one line, shortened. All tokens look the same, since each run draws new ones."""
    text = _of_protobuf(value) if isinstance(value, Message) else repr(value)
    return shortened(one_line(tokens_alike(text)), _LONGEST)


def text_of(value: object) -> str:
    """The whole of *value* as text, to compare it with a value of another run or process.

    All tokens look the same, and so do all callers outside. The members of a set are sorted; a dict has its order.
    """
    return tokens_alike(_whole(value))


def whole_text_of(value: object) -> str:
    """As :func:`text_of`, with the tokens: to compare runs that draw the same ones."""
    return _whole(value)


def excerpt(text: str, other: str) -> str:
    """*text* in one line, shortened: its beginning, or the part around its first difference from *other*."""
    start = 0
    if len(text) > _LONGEST:
        same = same_beginning(text, other)
        start = max(0, same - _BEFORE) if same > _LONGEST - _BEFORE else 0
    return f"{'…' if start else ''}{shortened(one_line(text[start : start + _LONGEST + 1]), _LONGEST)}"


def same_beginning(text: str, other: str) -> int:
    """How many characters *text* and *other* have in common at their beginning."""
    pairs = zip(text, other, strict=False)
    return next((at for at, (mine, theirs) in enumerate(pairs) if mine != theirs), min(len(text), len(other)))


def tokens_alike(text: str) -> str:
    """*text* in which all tokens look the same, and so do all callers outside."""
    text = _TOKEN.sub("<token>", text)
    return _REQUEST.sub(r"\1<request>", text) if INGRESS in text else text


def _of_protobuf(value: Message) -> str:
    return f"{type(value).__name__}({MessageToString(value, as_one_line=True)})"


def _whole(value: Untyped) -> str:
    if isinstance(value, Message):
        return _of_protobuf(value)
    if isinstance(value, Address):
        return repr(value)
    if isinstance(value, AbstractSet):  # two processes iterate it in different orders
        return _named(value, set, "{" + ", ".join(sorted(tokens_alike(_whole(each)) for each in value)) + "}")
    if isinstance(value, Mapping):
        return _named(value, dict, "{" + ", ".join(f"{_whole(k)}: {_whole(v)}" for k, v in value.items()) + "}")
    if isinstance(value, list):
        return _named(value, list, f"[{', '.join(map(_whole, value))}]")
    if isinstance(value, tuple):
        return _named(value, tuple, f"({', '.join(map(_whole, value))}{',' if len(value) == 1 else ''})")
    names = _shown_fields(value)
    if names is None:
        return repr(value)
    return f"{type(value).__qualname__}({', '.join(f'{name}={_whole(getattr(value, name))}' for name in names)})"


def _named(value: object, plain: type, text: str) -> str:
    return text if type(value) is plain else f"{type(value).__qualname__}({text})"


def _shown_fields(value: Untyped) -> list[str] | None:
    """The names of the fields that a repr shows; None for a value without fields."""
    cls = type(value)
    if (attributes := getattr(cls, "__attrs_attrs__", None)) is not None:
        return [attribute.name for attribute in attributes if attribute.repr is True]
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls) if field.repr]
    if isinstance(value, msgspec.Struct):
        return list(cls.__struct_fields__)
    return None
