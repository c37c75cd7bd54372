"""The type of a reply: one type, or the members of a union."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any as Untyped
from typing import Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.calls.errors import UnexpectedReplyError
from statefun_actors.definition import message_types
from statefun_actors.model import TypedValue
from statefun_actors.types import Codec, codec_for, codec_named, json_text_of, value_of

_LONGEST_SHOWN: Final = 100


class ReplyType:
    """Reads replies of the type *annotation*.

    Raises:
        UnstorableTypeError: *annotation* can't be a message.
    """

    def __init__(self, annotation: object) -> None:
        members = message_types(annotation)
        self.optional = type(None) in members
        """Whether the reply is optional."""
        codecs = [codec_for(member) for member in members if member is not type(None)]
        self.spelling = " | ".join(codec.spelling for codec in codecs) or "`None`"
        self._by_typename: dict[str, Codec] = {}
        for codec in codecs:
            for typename in sorted(codec.accepts):
                self._by_typename.setdefault(typename, codec)
        for codec in codecs:
            for typename in sorted(codec.lenient):
                self._by_typename.setdefault(typename, codec)

    @property
    def never(self) -> bool:
        """Whether no reply is expected: the annotation is None."""
        return not self._by_typename

    def read(self, target: Address, value: TypedValue) -> object:
        """The reply of *target* in *value*.

        Raises:
            UnexpectedReplyError: it is not of this type.
        """
        codec = self._by_typename.get(value.typename)
        if codec is None:
            text = json_text_of(value)
            shown = f"{len(value.value):,} bytes" if text is None else _cut(text)
            raise UnexpectedReplyError(target, self.spelling, value.typename, shown)
        try:
            return codec.decode(value.value, value.typename)
        except ValueError as error:
            raise UnexpectedReplyError(target, self.spelling, value.typename, str(error)) from error

    def read_json(self, target: Address, typename: str, text: bytes) -> object:
        """The reply of *target* whose JSON form is *text*. Raises as :meth:`read` does."""
        codec = self._by_typename.get(typename)
        if codec is None:
            raise UnexpectedReplyError(target, self.spelling, typename, _cut(text))
        try:
            return codec.from_json(msgspec.json.decode(text))
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise UnexpectedReplyError(target, self.spelling, typename, str(error)) from error


def _cut(text: bytes) -> str:
    shown = text[:_LONGEST_SHOWN].decode(errors="replace")
    return shown if len(text) <= _LONGEST_SHOWN else f"{shown}…"


@functools.lru_cache(1_000)
def _cached(annotation: object) -> ReplyType:
    return ReplyType(annotation)


def reply_type(annotation: object) -> ReplyType:
    """The :class:`ReplyType` of *annotation*, cached. Raises UnstorableTypeError: it can't be a message."""
    try:
        return _cached(annotation)
    except TypeError as error:
        if "unhashable" in str(error):
            return ReplyType(annotation)
        raise


def any_reply(target: Address, value: TypedValue, known: Mapping[str, Codec]) -> object:
    """A reply without an expected type, decoded by its own type. Raises UnexpectedReplyError: it can't be read."""
    try:
        return value_of(value, known)
    except ValueError as error:
        raise UnexpectedReplyError(target, "a value", value.typename, str(error)) from error


def any_reply_json(target: Address, typename: str, text: bytes) -> Untyped:
    """The same for its JSON form *text*."""
    codec = codec_named(typename)
    try:
        obj = msgspec.json.decode(text)
        return obj if codec is None else codec.from_json(obj)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise UnexpectedReplyError(target, "a value", typename, str(error)) from error
