"""Methods decorated with ``@answers``, which ``then=`` of an ask may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from google.protobuf.any_pb2 import Any

from statefun_actors.address import Address
from statefun_actors.asking import NoAnswer
from statefun_actors.definition.error_text import spelled
from statefun_actors.definition.handlers import Handler, bind_handlers
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import TypedValue
from statefun_actors.types import Codec, UnstorableTypeError, codec_for, split_optional

_M = TypeVar("_M")
_R = TypeVar("_R")


class Callee(Generic[_M, _R]):
    """A target that is asked at a new id each time: it takes one type of message, and answers with one type.

    Subclasses define :meth:`at`. Not an ABC: ``isinstance``, which runs for each ask, takes longer for these.
    """

    name: str
    returned: Mapping[str, str]
    """The types of its answer: typename and Python type."""

    def at(self, key: str) -> Address:
        """The address of the run *key*."""
        raise NotImplementedError


class AnswerMethod:
    """A method decorated with ``@answers``.

    Args:
        name: its name in stored asks.
        handler: how it is called: with a subject and the answer or, if it takes a kept value, a pair of both.
        types: the types of its answers, from the annotation.
        keep: the annotation of its second parameter, None without one.
        problems: its problems are appended here.
    """

    __slots__ = ("any", "codecs", "handler", "keep", "keeps", "name", "optional", "taken")

    def __init__(
        self, name: str, handler: Handler, types: Sequence[object], keep: object | None, problems: list[str]
    ) -> None:
        self.name, self.handler = name, handler
        found, any_handler, taken, wrong = bind_handlers([(handler, types)])
        self.codecs: Mapping[str, Codec] = {typename: codec for typename, (_, codec) in found.items()}
        """The codecs of its answers, by typename."""
        self.any = any_handler is not None
        """Whether it takes answers of all other types, as a google.protobuf.Any."""
        self.taken = tuple(taken)
        problems += wrong
        if NoAnswer not in types:
            problems.append(
                f"{handler.name}: an answer may not arrive; write `answer: {_union(types)} | NoAnswer`, and handle "
                "NoAnswer"
            )
        elif len(types) == 1:
            problems.append(f"{handler.name}: it takes only NoAnswer; add the types of the answers")
        self.keeps = keep is not None
        """Whether it takes the value of ``keep=``."""
        self.keep: Codec | None = None
        self.optional = False
        if keep is not None:
            inner, self.optional = split_optional(keep)
            try:
                self.keep = codec_for(inner, state=True)
            except UnstorableTypeError as error:
                problems.append(f"{handler.name}: its second parameter is the value of `keep=`: {error}")

    def takes(self, typename: str) -> bool:
        """Whether it takes answers of the type *typename*."""
        return typename in self.codecs or self.any

    def check_takes_answer_of(self, callee: Callee[_M, _R]) -> None:
        """Raises ValueMismatchError: it does not take a type that *callee* answers with."""
        for typename, spelling in callee.returned.items():
            if not self.takes(typename):
                raise ValueMismatchError(
                    f"a then= that takes {spelling}, the answer of {callee.name}",
                    f"{self.handler.name}, which takes {', '.join(self.taken)}",
                )

    def pack_keep(self, value: object, *, given: bool) -> TypedValue | None:
        """Encode the *value* of ``keep=`` for storage; None for None, or if it is not *given*.

        Raises:
            ValueMismatchError: it does not fit the second parameter.
        """
        name = self.handler.name
        if self.keep is None:
            if given:
                raise ValueMismatchError(f"no keep=, since {name} takes only the answer", repr(value))
            return None
        if not given:
            raise ValueMismatchError(f"keep=, a {self.keep.spelling} for the second parameter of {name}", "none")
        if value is None and self.optional:
            return None
        try:
            return TypedValue(self.keep.typename, self.keep.encode(value))
        except ValueMismatchError as error:
            raise ValueMismatchError(
                f"keep= of {name} as {error.expected}", error.got, getattr(error, "path", "$")
            ) from error

    def read_keep(self, stored: TypedValue | None) -> object:
        """Decode the value of ``keep=``. Raises ValueError: the stored value does not fit the second parameter."""
        if stored is None or self.keep is None:
            return None
        return self.keep.decode(stored.value, stored.typename)


def _union(types: Sequence[object]) -> str:
    return " | ".join("Any" if part is Any else spelled(part) for part in types) or "Reply"
