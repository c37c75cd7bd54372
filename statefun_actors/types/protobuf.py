"""Codec of protobuf messages: protobuf bytes, under the type URL or the name given by ``message(...)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeGuard, cast

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message

from statefun_actors.model import TypedValue
from statefun_actors.types.codec import Codec
from statefun_actors.types.message_names import message_name
from statefun_actors.types.mismatch import Mismatch, kind, shown
from statefun_actors.types.scalars import base64_text, bytes_of_base64
from statefun_actors.types.shape import Shape
from statefun_actors.types.sharing import Unshared, never_unshared, unshared_value

TYPE_URL_PREFIX: Final = "type.googleapis.com/"

_LONGEST_SHALLOW = 200
"""Parsers refuse more than 100 levels, and each level takes at least two bytes."""


def is_protobuf_class(cls: object) -> TypeGuard[type[Message]]:
    """Whether *cls* is the class of a protobuf message type."""
    return isinstance(cls, type) and issubclass(cls, Message) and getattr(cls, "DESCRIPTOR", None) is not None


def protobuf_typename(cls: type[Message]) -> str:
    """The typename of *cls*: its given name, or its type URL."""
    return message_name(cls) or TYPE_URL_PREFIX + cls.DESCRIPTOR.full_name


class ProtobufCodec(Codec):
    """The codec of one protobuf message class. For ``google.protobuf.Any`` the state is the Any itself."""

    __slots__ = ("_cls", "_has_required", "_parse", "_recursive", "_serialize")

    def __init__(self, cls: type[Message], typename: str | None = None) -> None:
        self.typename = typename or protobuf_typename(cls)
        self.accepts = frozenset((self.typename,))
        self.lenient = frozenset()
        self.spelling = f"`{cls.DESCRIPTOR.name}`"
        self.immutable = False
        self.unshared = _unshared(cast("Descriptor", cls.DESCRIPTOR))
        self.annotation = cls
        self._cls = cls
        reachable, self._recursive = _reachable(cast("Descriptor", cls.DESCRIPTOR))
        self._has_required = any(_is_required(field) for each in reachable for field in each.fields)
        # Deterministic output only fixes the order of maps and extensions, and takes three times as long.
        ordered = not any(each.GetOptions().map_entry or each.is_extendable for each in reachable)
        self._serialize: Callable[[Any], bytes] = cls.SerializeToString if ordered else _deterministic
        self._parse: Callable[[bytes], Message] = cls.FromString

    def encode(self, value: Any) -> bytes:
        if value.__class__ is not self._cls:
            raise Mismatch(self.spelling, kind(value)).error()
        try:
            data = self._serialize(value)
        except (EncodeError, ValueError, RecursionError) as error:
            raise self._incomplete(value, error) from None
        if self._recursive and len(data) > _LONGEST_SHALLOW:  # may exceed the depth that parsers accept
            try:
                self.decode(data)
            except ValueError:
                raise Mismatch(f"{self.spelling} nested at most 100 deep", "a deeper one").error() from None
        return data

    def writer(self) -> Callable[[Any], bytes]:
        return self.encode if self._recursive else self._serialize

    def reader(self, typename: str) -> Callable[[bytes], object]:
        return super().reader(typename) if self._has_required else self._parse

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is not None and typename != self.typename:
            raise self.refuse_typename(typename)
        try:
            message = self._parse(data)
        except DecodeError as error:
            raise ValueError(f"malformed {self._cls.DESCRIPTOR.full_name}: {error}") from error
        except Exception as error:  # the pure Python implementation raises other errors as well
            raise ValueError(f"malformed {self._cls.DESCRIPTOR.full_name}: {type(error).__name__}: {error}") from error
        if self._has_required and not message.IsInitialized():
            raise self._incomplete(message, None)
        return message

    def to_json(self, value: Any) -> object:
        if value.__class__ is not self._cls:
            raise Mismatch(self.spelling, kind(value)).error()
        return protobuf_json(value)

    def from_json(self, obj: Any) -> object:
        message = self._cls()
        if isinstance(message, AnyMessage) and isinstance(obj, dict) and obj.keys() == {"@type", "value_base64"}:
            return _opaque_any(obj)
        try:
            json_format.ParseDict(obj, message)
        except Exception as error:  # ParseError; and other errors for JSON of another type
            raise Mismatch(f"the JSON form of {self.spelling}", f"{shown(obj)} ({error})", error).error() from None
        if self._has_required and not message.IsInitialized():
            raise self._incomplete(message, None)
        return message

    def _incomplete(self, value: Any, error: BaseException | None) -> Exception:
        missing = value.FindInitializationErrors() if not value.IsInitialized() else []
        if missing:
            return Mismatch(f"{self.spelling} with all required fields", f"one without {', '.join(missing)}").error()
        return Mismatch(f"{self.spelling} that protobuf can serialize", str(error), error).error()


def _deterministic(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def protobuf_json(message: Message) -> object:
    """The JSON form of *message*; an Any of an unknown type keeps its bytes in base64."""
    try:
        return json_format.MessageToDict(message)
    except Exception:
        if isinstance(message, AnyMessage):
            return {"@type": message.type_url, "value_base64": base64_text(message.value)}
        raise Mismatch("a message with a JSON form", f"`{message.DESCRIPTOR.name}` without one").error() from None


def protobuf_shape(cls: type[Message]) -> Shape:
    """The shape of a message inside JSON: its bytes in base64."""
    codec = ProtobufCodec(cls)
    encode, decode = codec.encode, codec.decode

    def dump(value: Any) -> str:
        try:
            return base64_text(encode(value))
        except ValueError as error:
            raise _as_mismatch(error, codec.spelling) from None

    def load(obj: Any) -> Any:
        data = bytes_of_base64(obj)
        try:
            return decode(data)
        except ValueError as error:
            raise _as_mismatch(error, codec.spelling) from None

    return Shape(cls.DESCRIPTOR.name, dump, load, unshared=codec.unshared)


def _as_mismatch(error: ValueError, spelling: str) -> Mismatch:
    expected = getattr(error, "expected", None)
    got = getattr(error, "got", None)
    if isinstance(expected, str) and isinstance(got, str):
        return Mismatch(expected, got)
    return Mismatch(f"the bytes of {spelling}", str(error), error)


def _opaque_any(obj: dict[str, object]) -> AnyMessage:
    try:
        return AnyMessage(type_url=obj["@type"], value=bytes_of_base64(obj["value_base64"]))  # type: ignore[arg-type]
    except Mismatch as mismatch:
        raise mismatch.under(".value_base64").error() from None
    except (TypeError, ValueError):
        raise Mismatch("`str`", kind(obj["@type"])).under("['@type']").error() from None


def _is_required(field: Any) -> bool:
    try:
        return bool(field.is_required)
    except AttributeError:  # before protobuf 6
        return bool(field.label == FieldDescriptor.LABEL_REQUIRED)


def _is_repeated(field: Any) -> bool:
    try:
        return bool(field.is_repeated)
    except AttributeError:  # before protobuf 6
        return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def _unshared(descriptor: Descriptor) -> Unshared:
    """A message that can have parts, such as a list, may share them: see :mod:`~statefun_actors.types.sharing`."""
    flat = not descriptor.is_extendable and not any(
        field.message_type is not None or _is_repeated(field) for field in descriptor.fields
    )
    return unshared_value if flat else never_unshared


def _reachable(start: Descriptor) -> tuple[set[Descriptor], bool]:
    """The message types of *start* and its fields, in depth; the bool says whether one of them can contain itself."""
    open_: set[Descriptor] = set()
    done: set[Descriptor] = set()
    waiting = [(start, False)]
    recursive = False
    while waiting:
        descriptor, leaving = waiting.pop()
        if leaving:
            open_.remove(descriptor)
            done.add(descriptor)
        elif descriptor in open_:
            recursive = True
        elif descriptor not in done:
            open_.add(descriptor)
            waiting.append((descriptor, True))
            waiting.extend((field.message_type, False) for field in descriptor.fields if field.message_type)
    return done, recursive


def typed_of_any(message: AnyMessage) -> TypedValue:
    """The value in *message*, with its ``type_url`` as typename.

    Raises:
        ValueMismatchError: it has no ``type_url``.
    """
    typename = message.type_url
    if not typename:
        raise Mismatch("an Any with a type_url", "one without").error()
    return TypedValue(typename, message.value)


def any_of(typed: TypedValue) -> AnyMessage:
    """*typed* as an Any with the typename as ``type_url``. Values of every type can be carried, primitives included.

    Raises:
        ValueError: protobuf can't encode the typename.
    """
    message = AnyMessage()
    message.type_url = typed.typename
    message.value = typed.value
    return message
