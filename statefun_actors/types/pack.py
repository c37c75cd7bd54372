"""``pack``: any value that user code sends, as what travels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from google.protobuf.any_pb2 import Any as AnyMessage

from statefun_actors.address import Address
from statefun_actors.errors import NotAMessageError
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types.advice import is_entity_class
from statefun_actors.types.anyvalue import typed_of_any
from statefun_actors.types.codec import Codec, UnstorableTypeError
from statefun_actors.types.codecs import codec_for
from statefun_actors.types.foreign import message_advice
from statefun_actors.types.infer import codec_of, sketch
from statefun_actors.types.json import JSON_TYPENAME
from statefun_actors.types.kinds import is_attrs_class, is_storable_enum
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.mismatch import Mismatch, kind, shown, text_mismatch
from statefun_actors.types.names import message_name
from statefun_actors.types.primitives import PRIMITIVES
from statefun_actors.types.protobuf import is_protobuf_class

_Packer: TypeAlias = Callable[[Any], TypedValue]

_CONTAINERS = (list, dict, tuple, set, frozenset)


def pack(value: object) -> TypedValue:
    """*value* as it travels.

    A ``TypedValue`` and a ``google.protobuf.Any`` travel as they are; protobuf messages, ``@message`` classes and
    bool, int, float, str, bytes under the typename that ``codec_for(type(value))`` has. Lists, dicts, tuples, sets,
    datetimes, Decimals, UUIDs, Enums and Addresses become ``statefun-actors/json``, checked as a declared type would
    check them: their items must have one type in common.

    Raises:
        NotAMessageError: a value of this class can't travel; the error says what to send instead.
        ValueMismatchError: the value, or something in it, can't be written, with the path.
    """
    return _packers[type(value)](value)


def forget_packer(cls: type) -> None:
    """Drops what is known of *cls*, which has just been given a name."""
    _packers.pop(cls, None)


class _Packers(dict[type, _Packer]):
    """What packs the values of a class, ``packers[cls]``."""

    def __missing__(self, cls: type) -> _Packer:
        if is_protobuf_class(cls) or is_storable_enum(cls) or (is_attrs_class(cls) and message_name(cls)):
            try:
                packer = _packer(codec_for(cls))
            except UnstorableTypeError as error:
                return _refusing(f"{error}.")
        elif issubclass(cls, Address):
            packer = self[Address]
        else:
            return _refuse
        self[cls] = packer
        return packer


def _packer(codec: Codec) -> _Packer:
    typename, write = codec.typename, codec.writer()

    def packed(value: Any) -> TypedValue:
        try:
            return TypedValue(typename, write(value))
        except Exception:
            codec.encode(value)  # knows the words
            raise

    return packed


def _refuse(value: object) -> NoReturn:
    raise NotAMessageError(_spelled(value), _instead(value))


def _refusing(reason: str) -> _Packer:
    def refuse(value: object) -> NoReturn:
        raise NotAMessageError(_spelled(value), reason)

    return refuse


def checked_typed(value: TypedValue) -> TypedValue:
    """*value*, which user code made, as a store and a wire can hold it: a plain typename and plain bytes.

    Raises:
        ValueMismatchError: its typename is no non-empty text that UTF-8 can encode, or its value no ``bytes``.
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


def _pack_container(value: Any) -> TypedValue:
    try:
        codec = codec_of(sketch(value))
    except Mismatch as mismatch:
        raise mismatch.error() from mismatch.cause
    except RecursionError:
        got = f"a {kind(value)} nested too deeply, or inside itself"
        raise Mismatch("a value that ends somewhere", got).error() from None
    except UnstorableTypeError as error:
        raise NotAMessageError(_spelled(value), f"{error}.") from None
    return TypedValue(JSON_TYPENAME, codec.encode(value))


_packers: Final = _Packers()
_packers.update({TypedValue: checked_typed, AnyMessage: typed_of_any})
_packers.update({cls: _packer(codec) for cls, codec in PRIMITIVES.items()})
_packers.update({cls: _packer(codec_for(cls)) for cls in LEAVES if isinstance(cls, type)})
_packers.update(dict.fromkeys(_CONTAINERS, _pack_container))


def _spelled(value: object) -> str:
    if value is None:
        return "`None`"
    if isinstance(value, type):
        return f"the class `{value.__name__}`"
    return f"a value of class `{type(value).__name__}`"


def _instead(value: Any) -> str:
    cls = type(value)
    if value is None:
        return "Send a value that says what there is, such as an empty @message class."
    if isinstance(value, type):
        return f"Send an instance: `{value.__name__}(...)`."
    if isinstance(value, (KafkaRecord, KinesisRecord)):
        return "A record leaves through an egress: `send_egress('<namespace>/<name>', record)`."
    if is_entity_class(cls):
        return "Send its address, or a @message class with what there is to tell."
    if (advice := message_advice(cls)) is not None:
        return f"{advice[0].upper()}{advice[1:]}."
    if callable(value):
        return "Send the values that it needs, and call it where they arrive."
    for base in (*PRIMITIVES, *_CONTAINERS):
        if isinstance(value, base) and base is not object:
            return f"It would arrive as a plain {base.__name__}: send `{base.__name__}(...)` of it."
    return (
        "Send a protobuf message, a @message class, or bool, int, float, str, bytes, list, dict, tuple, set, "
        "datetime, date, timedelta, Decimal, UUID, Enum or Address."
    )
