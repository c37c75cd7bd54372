"""``pack``: encodes any value that user code sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from google.protobuf.any_pb2 import Any as AnyMessage

from statefun_actors.address import Address
from statefun_actors.errors import NotAMessageError
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types.advice import is_entity_class
from statefun_actors.types.codec import Codec, UnstorableTypeError
from statefun_actors.types.codecs import codec_for
from statefun_actors.types.foreign import message_advice
from statefun_actors.types.infer import codec_of, sketch
from statefun_actors.types.json import JSON_TYPENAME
from statefun_actors.types.kinds import is_attrs_class, is_storable_enum
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.message_names import message_name
from statefun_actors.types.mismatch import Mismatch, kind, shown, text_mismatch
from statefun_actors.types.primitives import PRIMITIVES
from statefun_actors.types.protobuf import is_protobuf_class, typed_of_any
from statefun_actors.types.supported import CONTAINERS, SENDABLE_TYPES

_Packer: TypeAlias = Callable[[Any], TypedValue]


def pack(value: object) -> TypedValue:
    """Encode *value* for sending.

    A ``TypedValue`` and a ``google.protobuf.Any`` are already encoded. Protobuf messages, ``@message`` classes and the
    primitive types are encoded under the typename of ``codec_for(type(value))``. All other supported types become
    ``statefun-actors/json``; their values are checked as values of a declared type are, so the items of a container
    must have one type in common.

    Raises:
        NotAMessageError: values of this class can't be sent; the error says what to send instead.
        ValueMismatchError: the value, or a part of it, can't be encoded; the error has its path.
    """
    cls = type(value)
    packer = packers.get(cls)
    return (packer_of(cls) if packer is None else packer)(value)


def forget_packer(cls: type) -> None:
    """Drop the cached packer of *cls*, which has just been named."""
    packers.pop(cls, None)


def packer_of(cls: type) -> _Packer:
    """The packer of *cls*, which has none yet."""
    if is_protobuf_class(cls) or is_storable_enum(cls) or (is_attrs_class(cls) and message_name(cls)):
        try:
            packer = _packer(codec_for(cls))
        except UnstorableTypeError as error:
            return _refusing_because(f"{error}.")
    elif issubclass(cls, Address):
        packer = packers[Address]
    elif issubclass(cls, TypedValue):
        packer = _plain_typed
    else:
        return _refuse
    packers[cls] = packer
    return packer


def _packer(codec: Codec) -> _Packer:
    typename, write = codec.typename, codec.writer()

    def packed(value: Any) -> TypedValue:
        try:
            return TypedValue(typename, write(value))
        except Exception:
            codec.encode(value)  # raises the error with the full text
            raise

    return packed


def _refuse(value: object) -> NoReturn:
    raise NotAMessageError(_spelled(value), _advice(value))


def _refusing_because(reason: str) -> _Packer:
    def refuse(value: object) -> NoReturn:
        raise NotAMessageError(_spelled(value), reason)

    return refuse


def checked_typed(value: TypedValue) -> TypedValue:
    """Check a TypedValue that user code made, and return it with an exact str and exact bytes.

    Raises:
        ValueMismatchError: its typename is not non-empty text that UTF-8 can encode, or its value is not ``bytes``.
    """
    typename, data = value.typename, value.value
    if not isinstance(typename, str) or not typename:
        raise Mismatch("a TypedValue whose typename is a non-empty `str`", shown(typename)).error()
    if not isinstance(data, bytes):
        raise Mismatch("a TypedValue whose value is `bytes`", kind(data)).error()
    if typename.__class__ is str and data.__class__ is bytes and typename.isascii():
        return value
    typename = str.__str__(typename)
    try:
        typename.encode()
    except UnicodeEncodeError:
        raise text_mismatch(typename).under(".typename").error() from None
    return TypedValue(typename, bytes(data))


def _plain_typed(value: TypedValue) -> TypedValue:
    """*value*, of a subclass, as a plain TypedValue."""
    return checked_typed(TypedValue(value.typename, value.value))


def _pack_container(value: Any) -> TypedValue:
    try:
        codec = codec_of(sketch(value))
    except Mismatch as mismatch:
        raise mismatch.error() from mismatch.cause
    except RecursionError:
        got = f"a {kind(value)} that is nested too deeply, or contains itself"
        raise Mismatch("a value of limited depth", got).error() from None
    except UnstorableTypeError as error:
        raise NotAMessageError(_spelled(value), f"{error}.") from None
    return TypedValue(JSON_TYPENAME, codec.encode(value))


packers: Final[dict[type, _Packer]] = {
    TypedValue: checked_typed,
    AnyMessage: typed_of_any,
    **{cls: _packer(codec) for cls, codec in PRIMITIVES.items()},
    **{cls: _packer(codec_for(cls)) for cls in LEAVES if isinstance(cls, type)},
    **dict.fromkeys(CONTAINERS, _pack_container),
}
"""By class: ``packers[type(value)](value)`` is ``pack(value)`` with a call less, for what runs for each message.

:func:`packer_of` makes those of further classes. A dict with ``__missing__`` takes four times as long to find what it
has.
"""


def _spelled(value: object) -> str:
    if value is None:
        return "`None`"
    if isinstance(value, type):
        return f"the class `{value.__name__}`"
    return f"a value of class `{type(value).__name__}`"


def _advice(value: Any) -> str:
    cls = type(value)
    if value is None:
        return "Send a value, such as an empty @message class."
    if isinstance(value, type):
        return f"Send an instance: `{value.__name__}(...)`."
    if isinstance(value, (KafkaRecord, KinesisRecord)):
        return "A record is sent to an egress: `send_egress('<namespace>/<name>', record)`."
    if is_entity_class(cls):
        return "Send its address, or a @message class with the fields to send."
    if (advice := message_advice(cls)) is not None:
        return f"{advice[0].upper()}{advice[1:]}."
    if callable(value):
        return "Send its arguments, and call it in the handler that receives them."
    for base in (*PRIMITIVES, *CONTAINERS):
        if isinstance(value, base) and base is not object:
            return f"It would arrive as a plain {base.__name__}: send `{base.__name__}(...)` of it."
    return f"Send {SENDABLE_TYPES}."
