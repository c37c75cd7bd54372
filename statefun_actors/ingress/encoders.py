"""A message from outside, written as JSON: which type it is, and its bytes.

JSON lines, HTTP bodies and command lines say *where* a message goes and *what* it holds; its type may be left out
where the target takes only one. A :class:`MessageEncoder` is the answer for one target and one type, looked up once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from google.protobuf import descriptor_pool, message_factory

from statefun_actors.dispatch import Application, ServedFunction
from statefun_actors.errors import (
    StatefunActorsError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
    ValueMismatchError,
)
from statefun_actors.model import TypedValue
from statefun_actors.types import JSON_TYPENAME, Codec, codec_for

_TYPE_URL_PREFIX: Final = "type.googleapis.com/"
_JSON: Final = msgspec.json.Encoder(order="deterministic")


class UnclearTypeError(StatefunActorsError, TypeError):
    """A message without a type, for a target that does not take exactly one. Retrying cannot help."""

    def __init__(self, target: str, taken: Sequence[str]) -> None:
        super().__init__(target, taken)
        self.target, self.taken = target, tuple(taken)

    def __str__(self) -> str:
        return f"{self.target} takes {' and '.join(self.taken)}, so a message for it has to name its type"


class NoJsonFormError(StatefunActorsError, TypeError):
    """A type that nothing here can write from JSON. Retrying cannot help."""

    def __init__(self, target: str, typename: str) -> None:
        super().__init__(target, typename)
        self.target, self.typename = target, typename

    def __str__(self) -> str:
        return (
            f"{self.target} takes messages of any type, but {self.typename!r} can't be written from JSON here: "
            "its class is not known. Import its protobuf module in the application, or add a handler for its class."
        )


class MessageEncoder:
    """Encodes messages of one type for one function type."""

    __slots__ = ("_asked", "_codec", "target", "typename")

    def __init__(self, target: str, typename: str, codec: Codec | None, asked: str | None = None) -> None:
        self.target, self.typename, self._codec = target, typename, codec
        self._asked = typename if asked is None else asked
        """The typename that was asked for: the bytes of an ``int`` may come as ``int`` or as ``long``."""

    @property
    def known(self) -> bool:
        """Whether the type is one that this process knows."""
        return self._codec is not None or self.typename == JSON_TYPENAME

    def typed(self, obj: object) -> TypedValue:
        """The message whose JSON form is *obj*.

        Raises:
            ValueMismatchError: *obj* does not fit the type, with the path inside it.
            NoJsonFormError: the target takes any type, but nothing here can write this one from JSON.
        """
        codec = self._codec
        if codec is None:
            if self.typename != JSON_TYPENAME:
                raise NoJsonFormError(self.target, self.typename)
            return TypedValue(self.typename, _json_bytes(obj))
        return TypedValue(self.typename, codec.bytes_from_json(obj))

    def checked(self, data: bytes) -> TypedValue:
        """The message whose bytes are *data*. Bytes of a type that nothing here knows are taken as they are.

        Raises:
            ValueError: they are not of the type.
        """
        if self._codec is not None:
            self._codec.decode(data, self._asked)
        return TypedValue(self._asked, data)


def _json_bytes(obj: object) -> bytes:
    try:
        return _JSON.encode(obj)
    except (OverflowError, msgspec.MsgspecError) as error:
        raise ValueMismatchError("a JSON value", str(error)) from error


class MessageEncoders:
    """The encoders of one application. *outside*: for messages from outside, which internal handlers refuse."""

    def __init__(self, app: Application, *, outside: bool = True) -> None:
        self._app, self._outside = app, outside
        self.known: dict[tuple[str, str | None], MessageEncoder] = {}
        """The encoders looked up so far, by target and typename."""

    def encoder(self, target: str, typename: str | None = None) -> MessageEncoder:
        """The encoder for messages of *typename*, or of the only type that it takes, to the function type *target*.

        Raises:
            UnknownFunctionTypeError: nothing here serves *target*.
            UnhandledMessageError: *target* does not take *typename*.
            UnclearTypeError: no *typename*, and *target* does not take exactly one type.
            InternalMessageError: *target* does not take it from outside.
        """
        encoder = self.known.get((target, typename))
        if encoder is None:
            route = self._app.route(target)
            if route is None:
                raise UnknownFunctionTypeError(target, self._app.typenames)
            encoder = self._found(route, typename)
            if self._outside and (refused := route.refused(encoder.typename, None)) is not None:
                raise refused
            if encoder.known:  # clients can name any number of others
                self.known[target, typename] = encoder
        return encoder

    def _found(self, route: ServedFunction, typename: str | None) -> MessageEncoder:
        target = route.function.typename
        codecs = {bound.codec.typename: bound.codec for bound in route.handlers.values() if bound.codec is not None}
        if typename is None:
            if len(codecs) != 1 or route.any_handler is not None:
                taken = [*sorted(codecs), *(["messages of any type"] if route.any_handler is not None else [])]
                raise UnclearTypeError(target, taken or ["no messages"])
            ((typename, codec),) = codecs.items()
            return MessageEncoder(target, typename, codec)
        bound = route.handlers.get(typename)
        if bound is not None and bound.codec is not None:
            return MessageEncoder(target, bound.codec.typename, bound.codec, typename)
        if route.any_handler is None:
            raise UnhandledMessageError(target, sorted(codecs), typename)
        named = next((codec for codec in self._known(typename) if typename in codec.accepts | codec.lenient), None)
        if named is None:
            return MessageEncoder(target, typename, None)
        return MessageEncoder(target, named.typename, named, typename)

    def _known(self, typename: str) -> Iterator[Codec]:
        yield from self._app.codecs().values()
        yield from map(codec_for, (bool, int, float, str, bytes))
        if typename.startswith(_TYPE_URL_PREFIX):
            try:
                found = descriptor_pool.Default().FindMessageTypeByName(typename.removeprefix(_TYPE_URL_PREFIX))
            except KeyError:
                return
            yield codec_for(message_factory.GetMessageClass(found))
