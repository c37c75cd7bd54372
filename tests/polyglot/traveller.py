"""An entity that asks functions in other languages with values of all types."""

from __future__ import annotations

import sys
from datetime import timedelta
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


@message("greeter.types/call")
class Call:
    """For *text* to be sent to an address."""

    to: Address
    text: str


class Traveller(Entity, typename="test/traveller"):
    """Replies with what it reads in the answer, as :func:`told` tells it."""

    @handles
    def visit(self, message: Visit) -> None:
        target = Address(message.function, "mirror")
        self.ask(target, TypedValue(message.typename, message.value), then=self.back)

    @handles
    def called(self, message: str) -> None:
        to = self.reply_address(then=self.back, timeout=timedelta(minutes=1))
        self.send(Address("greeter.fns/caller", self.id), Call(to, message))

    @answers
    def back(self, answer: bool | int | float | str | bytes | list[int] | Parcel | Place | Any | NoAnswer) -> str:  # noqa: PYI041 - each is a type on the wire
        return told(answer)


def told(value: object) -> str:
    """The value with its class, for comparison."""
    return f"{type(value).__name__} {value!r}"
