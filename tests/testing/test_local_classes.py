"""Strategies for classes that were made inside a function, whose annotations name its variables."""

from __future__ import annotations

from hypothesis import find, settings

from statefun_actors import Entity, handles, message, persisted
from statefun_actors.testing.strategies import fields, messages, values

FEW = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def made_in_a_function() -> tuple[type[Entity], type]:
    @message("strategies/nested")
    class Nested:
        number: int

    @message("strategies/nesting")
    class Nesting:
        nested: Nested

    class Nest(Entity, typename="strategies/nest"):
        nested: Nested | None = persisted(default=None)

        @handles
        def take(self, message: Nesting) -> None: ...

    return Nest, Nesting


def test_classes_that_were_made_in_a_function_have_values() -> None:
    nest, nesting = made_in_a_function()

    assert isinstance(find(messages(nest), lambda _: True, settings=FEW), nesting)
    assert isinstance(find(values(nesting), lambda _: True, settings=FEW), nesting)
    assert "nested" in find(fields(nest), lambda found: found.get("nested") is not None, settings=FEW)
