"""Cache of codecs by annotation."""

from __future__ import annotations

import typing
from typing import Any

from statefun_actors.types.codec import Codec
from statefun_actors.types.compiling import Compiler
from statefun_actors.types.json import JSON_TYPENAME, JsonCodec
from statefun_actors.types.kinds import is_attrs_class, is_storable_enum, split_optional
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.message_names import message_name
from statefun_actors.types.primitives import PRIMITIVES
from statefun_actors.types.protobuf import ProtobufCodec, is_protobuf_class

_codecs: dict[Any, Codec] = dict(PRIMITIVES)
_state_codecs: dict[Any, Codec] = dict(PRIMITIVES)


def codec_for(annotation: object, *, state: bool = False) -> Codec:
    """The codec for values of the type *annotation*; a ``| None`` at its top is ignored.

    Values in messages and in *state* share one codec, unless the type contains a datetime, whose zone state keeps, or a
    strict message class, whose unknown keys state ignores.

    The same annotation gives the same codec, until a class in it gets another name.

    Raises:
        UnresolvedNameError: an attrs class in it has an annotation with a name that does not exist yet.
        UnstorableTypeError: values of this type can't be stored; the error says what to write instead.
    """
    try:
        known = _state_codecs if state else _codecs
        codec = known.get(annotation)
    except TypeError:  # Annotated[int, []] has no hash
        return _compiled(annotation, state)
    if codec is None:
        codec = known[annotation] = _compiled(annotation, state)
    return codec


def forget_codecs(cls: type) -> None:
    """Drop the cached codecs of *cls*, which has just been named."""
    for known in (_codecs, _state_codecs):
        codec = known.get(cls)
        for annotation in [each for each, other in known.items() if other is codec]:  # includes ``cls | None``
            del known[annotation]


def _compiled(annotation: object, state: bool) -> Codec:
    inner, optional = split_optional(annotation)
    if optional or inner is not annotation:
        return codec_for(inner, state=state)
    if is_protobuf_class(inner):
        return codec_for(inner) if state else ProtobufCodec(inner)
    compiler = Compiler(state=state)
    shape = compiler.shape(inner)
    if state and not compiler.state_differs:
        return codec_for(inner)
    name = message_name(inner) if is_attrs_class(inner) else None
    return JsonCodec(
        shape,
        name or JSON_TYPENAME,
        verify=compiler.verify,
        recursive=compiler.recursive,
        immutable=_is_immutable(inner),
        in_messages=codec_for(inner) if state else None,
        annotation=inner,
    )


def _is_immutable(annotation: Any) -> bool:
    return is_storable_enum(annotation) or annotation in LEAVES or typing.get_origin(annotation) is typing.Literal
