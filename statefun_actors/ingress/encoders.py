"""Encodes messages from outside, written as JSON: finds their type, and makes their bytes.

JSON lines, HTTP bodies and command lines name a target and a value; the type may be omitted if the target takes only
one. A :class:`MessageEncoder` encodes messages of one type for one target. It is looked up once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from google.protobuf import descriptor_pool, message_factory

from statefun_actors.asking import RESERVED, NoAnswer
from statefun_actors.dispatch import ANSWER_ADVICE, Application, ServedFunction, missing_method
from statefun_actors.errors import (
    ADD_HANDLER,
    StatefunActorsError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
    ValueMismatchError,
)
from statefun_actors.model import TypedValue
from statefun_actors.types import JSON_TYPENAME, Codec, codec_for

_TYPE_URL_PREFIX: Final = "type.googleapis.com/"
_RESERVED_ADVICE: Final = "The namespace statefun-actors is for messages of this library itself."
_NO_ANSWER: Final = codec_for(NoAnswer).typename
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
        """The requested typename: the bytes of an ``int`` may come as ``int`` or as ``long``."""

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
        """The message whose bytes are *data*. Bytes of an unknown type are not checked.

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
            served = self._app.served_function(target)
            if served is None:
                raise UnknownFunctionTypeError(target, self._app.typenames)
            encoder = self._found(served, typename)
            if self._outside and (refused := served.refused(encoder.typename, None)) is not None:
                raise refused
            if encoder.known:  # clients can name any number of others
                self.known[target, typename] = encoder
        return encoder

    def _found(self, served: ServedFunction, typename: str | None) -> MessageEncoder:
        codecs = {name: bound.codec for name, bound in served.handlers.items() if bound.codec is not None}
        if typename in RESERVED:  # a handler of Any does not take them, either
            names = _names(codecs, takes_any=served.any_handler is not None)
            raise UnhandledMessageError(served.function.typename, names, typename, _RESERVED_ADVICE)
        return self._encoder(served.function.typename, codecs, typename, takes_any=served.any_handler is not None)

    def answer(self, asker: str, then: str, typename: str | None = None) -> MessageEncoder:
        """The encoder for answers to the method *then* of *asker*, of *typename* or of the method's only type.

        Raises:
            UnknownFunctionTypeError: nothing here serves *asker*.
            UnhandledMessageError: it has no such method, or that does not take *typename*.
            UnclearTypeError: no *typename*, and the method does not take exactly one type besides NoAnswer.
        """
        served = self._app.served_function(asker)
        if served is None:
            raise UnknownFunctionTypeError(asker, self._app.typenames)
        bound = served.answers.get(then)
        if bound is None:
            raise missing_method(asker, then, served.answers, typename or "unknown")
        codecs = {name: codec for name, codec in bound.method.codecs.items() if codec.typename != _NO_ANSWER}
        if typename is not None and (typename == _NO_ANSWER or typename in RESERVED):
            raise UnhandledMessageError(bound.name, _names(codecs, takes_any=bound.method.any), typename, ANSWER_ADVICE)
        return self._encoder(bound.name, codecs, typename, takes_any=bound.method.any, advice=ANSWER_ADVICE)

    def _encoder(
        self,
        target: str,
        taken: Mapping[str, Codec],
        typename: str | None,
        *,
        takes_any: bool,
        advice: str = ADD_HANDLER,
    ) -> MessageEncoder:
        """The encoder of *typename*, or of the only type of those that are *taken*."""
        codecs = {codec.typename: codec for codec in taken.values()}
        if typename is None:
            if len(codecs) != 1 or takes_any:
                raise UnclearTypeError(target, _names(codecs, takes_any=takes_any) or ["no messages"])
            ((typename, codec),) = codecs.items()
            return MessageEncoder(target, typename, codec)
        if (found := taken.get(typename)) is not None:
            return MessageEncoder(target, found.typename, found, typename)
        if not takes_any:
            raise UnhandledMessageError(target, sorted(codecs), typename, advice)
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


def _names(codecs: Mapping[str, Codec], *, takes_any: bool) -> list[str]:
    names = sorted({codec.typename for codec in codecs.values()})
    return [*names, "messages of any type"] if takes_any else names
