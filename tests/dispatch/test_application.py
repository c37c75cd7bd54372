"""Functions served together: clashes of names, and the types that an application knows."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from statefun_actors import Entity, StatefulFunctions, handles, message, persisted
from statefun_actors.dispatch import Application
from statefun_actors.errors import DefinitionError
from statefun_actors.types import pack, value_of


def deposit_class() -> Any:
    @message("test/deposit")
    class Deposit:
        cents: int

    return Deposit


def entity_taking(cls: Any, typename: str) -> type[Entity]:
    class Taker(Entity, typename=typename):
        cents: int = persisted(default=0)

        @handles(cls)  # pyright: ignore[reportUntypedFunctionDecorator] # any class
        def take(self, message: object) -> None: ...

    return Taker


def test_two_classes_of_one_spelling_under_one_name_are_refused() -> None:
    one, two = entity_taking(deposit_class(), "test/one"), entity_taking(deposit_class(), "test/two")

    with pytest.raises(DefinitionError) as raised:
        Application(one, two)

    assert str(raised.value) == (
        "this application: Taker.take takes `Deposit` and Taker.take takes another `Deposit` under one name, "
        "test/deposit; give one of them another name"
    )


def test_an_instance_is_not_served() -> None:
    cls: Any = entity_taking(deposit_class(), "test/one")

    with pytest.raises(DefinitionError) as raised:
        Application(cls())

    assert str(raised.value) == "an application: expected classes, got an instance; write Taker without the ()"


def test_one_class_may_be_taken_by_several() -> None:
    cls = deposit_class()

    app = Application(entity_taking(cls, "test/one"), entity_taking(cls, "test/two"))

    assert app.typenames == ["test/one", "test/two"]


def test_an_application_knows_the_classes_in_the_modules_of_its_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("an_application")
    monkeypatch.setitem(sys.modules, "an_application", module)
    own = deposit_class()
    vars(module)["Deposit"] = own
    other = deposit_class()  # named later, somewhere else
    functions = StatefulFunctions()

    def count(context, message: int) -> None: ...  # type: ignore[no-untyped-def]

    count.__module__ = "an_application"
    functions.register("test/count", count)

    known = Application(functions).codecs()

    typed = pack(own(cents=5))
    assert type(value_of(typed, known)) is own
    assert type(value_of(typed)) is other
