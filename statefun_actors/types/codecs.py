"""The codec of an annotation."""

from __future__ import annotations

import typing
from typing import Any

from statefun_actors.types.annotations import Compiler, is_attrs_class, is_storable_enum, split_optional
from statefun_actors.types.codec import Codec
from statefun_actors.types.json import JSON_TYPENAME, JsonCodec
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.names import message_name
from statefun_actors.types.primitives import PRIMITIVES
from statefun_actors.types.protobuf import ProtobufCodec, is_protobuf_class

_codecs: dict[Any, Codec] = dict(PRIMITIVES)


def codec_for(annotation: object) -> Codec:
    """The codec for values of the type *annotation*; ``| None`` at its top is not looked at.

    The same annotation gives the same codec, until a class in it is given another name.

    Raises:
        UnresolvedNameError: an attrs class in it has an annotation with a name that does not exist yet.
        UnstorableTypeError: values of this type can't be stored; the error says what to write instead.
    """
    try:
        codec = _codecs.get(annotation)
    except TypeError:  # Annotated[int, []] has no hash
        return _compiled(annotation)
    if codec is None:
        codec = _codecs[annotation] = _compiled(annotation)
    return codec


def forget_codecs(cls: type) -> None:
    """Drops the codec of *cls*, which has just been given a name."""
    codec = _codecs.get(cls)
    for annotation in [each for each, other in _codecs.items() if other is codec]:  # also that of ``cls | None``
        del _codecs[annotation]


def _compiled(annotation: object) -> Codec:
    inner, optional = split_optional(annotation)
    if optional or inner is not annotation:
        return codec_for(inner)
    if is_protobuf_class(inner):
        return ProtobufCodec(inner)
    compiler = Compiler()
    shape = compiler.shape(inner)
    name = message_name(inner) if is_attrs_class(inner) else None
    return JsonCodec(
        shape,
        name or JSON_TYPENAME,
        careful=compiler.careful,
        recursive=compiler.recursive,
        immutable=_is_immutable(inner),
    )


def _is_immutable(annotation: Any) -> bool:
    return is_storable_enum(annotation) or annotation in LEAVES or typing.get_origin(annotation) is typing.Literal
