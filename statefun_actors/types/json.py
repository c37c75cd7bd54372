"""Codec of values in JSON: ``@message`` classes under their typename, all others under ``statefun-actors/json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec

from statefun_actors.errors import ValueMismatchError
from statefun_actors.interrupts import of_user_code
from statefun_actors.text import describe
from statefun_actors.types.codec import Codec
from statefun_actors.types.containers import to_bytes
from statefun_actors.types.mismatch import Mismatch
from statefun_actors.types.shape import Shape
from statefun_actors.types.surrogates import json_fault, lone_surrogate

JSON_TYPENAME: Final = "statefun-actors/json"

DEEPEST: Final = 128
"""Maximum nesting of values whose type may contain itself; every JSON parser can read this depth."""

_COLON = ord(":")

_from_bytes: Callable[[bytes], Any] = msgspec.json.Decoder().decode


class JsonCodec(Codec):
    """The codec of one shape.

    Args:
        verify: read back every value that is written, since user code may change it on reading.
        in_messages: codec of the same type in messages, if it differs from that in state.
    """

    __slots__ = ("_dump", "_in_messages", "_load", "_recursive", "_verify")

    def __init__(
        self,
        shape: Shape,
        typename: str,
        *,
        verify: bool,
        recursive: bool,
        immutable: bool,
        in_messages: Codec | None = None,
        annotation: object = None,
    ) -> None:
        self.typename = typename
        self.accepts = frozenset((typename,))
        self.lenient = frozenset()
        self.spelling = f"`{shape.spelling}`"
        self.immutable = immutable
        self.annotation = annotation
        self.unshared = shape.unshared
        self._dump, self._load = shape.dump, shape.load
        self._verify, self._recursive = verify, recursive
        self._in_messages = in_messages

    @property
    def in_messages(self) -> Codec:
        return self if self._in_messages is None else self._in_messages

    def encode(self, value: Any) -> bytes:
        dumped = None
        try:
            dumped = self._dump(value)
            data = to_bytes(dumped)
        except Mismatch as mismatch:
            raise mismatch.error() from mismatch.cause
        except RecursionError:
            raise self._too_deep() from None
        except UnicodeEncodeError:
            raise lone_surrogate(dumped).error() from None
        except BaseException as error:
            raise self._refused("that can be written", error) from error
        if self._recursive and _depth(dumped) > DEEPEST:
            raise self._too_deep()
        if self._verify:
            self._read_back(data)
        return data

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is not None and typename != self.typename:
            raise self.refuse_typename(typename)
        return self._loaded(parse_json(data))

    def to_json(self, value: Any) -> object:
        return _from_bytes(self.encode(value))

    def json_text(self, value: Any) -> bytes:
        return self.encode(value)

    def from_json(self, obj: Any) -> object:
        value = self._loaded(obj)
        self.encode(value)  # *obj* may not come from a JSON parser, and may contain unpaired surrogates
        return value

    def bytes_from_json(self, obj: Any) -> bytes:
        return self.encode(self._loaded(obj))

    def _loaded(self, obj: Any) -> object:
        try:
            return self._load(obj)
        except Mismatch as mismatch:
            raise mismatch.error() from mismatch.cause
        except RecursionError:
            raise self._too_deep() from None
        except BaseException as error:
            raise self._refused("that can be read", error) from error

    def _read_back(self, data: bytes) -> None:
        again = b""
        try:
            again = to_bytes(self._dump(self._load(_from_bytes(data))))
        except Mismatch as mismatch:
            raise mismatch.error() from mismatch.cause
        except RecursionError:
            raise self._too_deep() from None
        except BaseException as error:
            raise self._refused("that can be read back", error) from error
        if again != data:
            raise Mismatch(
                f"{self.spelling} that is read back unchanged",
                f"a value that its converters or __attrs_post_init__ change: {_cut(data)} becomes {_cut(again)}",
            ).error()

    def _refused(self, which: str, error: BaseException) -> ValueMismatchError:
        """For *error*, which user code raised: an ``__eq__``, a ``__hash__``, an attribute that is computed."""
        return Mismatch(f"a value of {self.spelling} {which}", describe(of_user_code(error))).error()

    def _too_deep(self) -> ValueMismatchError:
        return Mismatch(
            f"{self.spelling} nested at most {DEEPEST} deep", "one nested deeper, or that contains itself"
        ).error()


def parse_json(data: bytes) -> Any:
    """Parse JSON to builtins.

    Raises:
        ValueError: *data* is not JSON in UTF-8, is nested too deeply, or has an object with a repeated key.
    """
    try:
        obj = _from_bytes(data)
        # Each member has a colon: if there are as many colons as members, or none, no key is repeated. JSON that this
        # package wrote is the same when written again. Only other JSON needs a parser that checks for repeated keys.
        colons = data.count(_COLON)
        if colons and not (obj.__class__ is dict and len(obj) == colons) and to_bytes(obj) != data:
            json.loads(data, object_pairs_hook=_without_repeats, parse_int=_ignored, parse_float=_ignored)
    except msgspec.MsgspecError as error:
        raise ValueError(f"malformed JSON: {json_fault(data, error).removeprefix('JSON is malformed: ')}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"malformed JSON: not UTF-8 ({error.reason})") from None
    except RecursionError:
        raise ValueError("malformed JSON: nested too deeply") from None
    return obj


def _ignored(_: str) -> None:
    """Skip numbers: the search for repeated keys needs none, and they may exceed the limit on digits."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise ValueError(f"malformed JSON: the key {key!r} is repeated in one object")
        seen.add(key)


def _cut(data: bytes) -> str:
    text = data.decode()
    return text if len(text) <= 80 else f"{text[:80]}…"


def _depth(dumped: Any) -> int:
    """Depth of the arrays and objects in *dumped*."""
    depth, level = 0, [dumped]
    while level:
        depth += 1
        deeper: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                deeper.extend(each.values())
            elif isinstance(each, (list, tuple)):
                deeper.extend(each)
        level = deeper
    return depth - 1
