"""The shape of a function type: its states, messages and answer methods, as stored."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from statefun_actors.definition import FunctionType
from statefun_actors.dispatch import Application
from statefun_actors.store import SHAPES
from statefun_actors.types import Form, form_of


class StateShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """One state. ``convert``: values that its type can't read are converted."""

    typename: str
    form: Form
    convert: bool = False


class AnswerShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """A method that takes answers: their types by typename, and the type of its ``keep=`` value.

    ``any``: it takes answers of all other types, too.
    """

    takes: dict[str, Form]
    keep: Form | None = None
    any: bool = False


class TypeShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """One function type: its states by name, the messages that its handlers take by typename, its answer methods.

    ``internal``: those of *takes* that are refused from outside.
    """

    states: dict[str, StateShape]
    takes: dict[str, Form]
    answers: dict[str, AnswerShape] = {}
    internal: list[str] = []


class _EarlierShape(msgspec.Struct, frozen=True):
    """The format of earlier versions: typename and spelling of each state's type, and typenames of messages."""

    states: dict[str, tuple[str, str]]
    takes: list[str]


def position_of(typename: str) -> str:
    """The name under which a store keeps the shape of the function type *typename*."""
    return f"{SHAPES}{typename}"


def types_remembered(positions: Mapping[str, str]) -> list[str]:
    """The function types whose shapes are among *positions*."""
    return sorted(name.removeprefix(SHAPES) for name in positions if name.startswith(SHAPES))


def shape_of(function: FunctionType) -> TypeShape:
    """The shape of *function*."""
    states = {
        field.state_name: StateShape(field.typename, form_of(field.codec), field.convert is not None)
        for field in function.persisted
    }
    answers = {
        name: AnswerShape(
            {typename: form_of(codec) for typename, codec in sorted(method.codecs.items())},
            None if method.keep is None else form_of(method.keep),
            method.any,
        )
        for name, method in sorted(function.answers.items())
    }
    internal = [
        name
        for name, (handler, _) in sorted(function.handlers.items())
        if function.options.is_internal(handler.internal)
    ]
    takes = {name: form_of(codec) for name, (_, codec) in sorted(function.handlers.items())}
    return TypeShape(states, takes, answers, internal)


def encoded(shape: TypeShape) -> str:
    """*shape* as text; equal shapes give equal text."""
    return msgspec.json.encode(shape, order="deterministic").decode()


def decoded(text: str | None) -> TypeShape | None:
    """The shape in *text*; None without text, or if its format is unknown."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=TypeShape)
    except msgspec.MsgspecError:
        pass
    try:
        earlier = msgspec.json.decode(text, type=_EarlierShape)
    except msgspec.MsgspecError:
        return None
    states = {
        name: StateShape(typename, spelling.removesuffix(" or None").strip("`"))
        for name, (typename, spelling) in earlier.states.items()
    }
    return TypeShape(states, dict.fromkeys(earlier.takes, ""))


def shapes(app: Application) -> Mapping[str, str]:
    """The shapes of *app*'s function types, as positions of a store."""
    return {position_of(name): encoded(shape_of(served.function)) for name, served in app.served.items()}
