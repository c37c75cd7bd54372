"""An entity that asks functions in other languages with values of all types."""

from __future__ import annotations

import sys
from pathlib import Path

from google.protobuf.any_pb2 import Any

from statefun_actors import Address, Entity, NoAnswer, TypedValue, answers, handles, message

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "polyglot"))

from polyglot import Place
from shipping_pb2 import Parcel

__all__ = ["Parcel", "Place"]


@message("test/visit")
class Visit:
    """To *function*, with a value of *typename*."""

    function: str
    typename: str
    value: bytes


class Traveller(Entity, typename="test/traveller"):
    """Replies with what it reads in the answer, as :func:`told` tells it."""

    @handles
    def visit(self, message: Visit) -> None:
        target = Address(message.function, "mirror")
        self.ask(target, TypedValue(message.typename, message.value), then=self.back)

    @answers
    def back(self, answer: bool | int | float | str | bytes | list[int] | Parcel | Place | Any | NoAnswer) -> str:  # noqa: PYI041 - each is a type on the wire
        return told(answer)


def told(value: object) -> str:
    """The value with its class, for comparison."""
    return f"{type(value).__name__} {value!r}"
