"""Whatever ``convert=`` and ``factory=`` raise outside of handlers is the error that a ValueError would be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from statefun_actors import persisted
from statefun_actors.definition.fields import Field, make_field
from statefun_actors.errors import StateDecodeError, ValueMismatchError
from statefun_actors.interrupts import owning_process
from statefun_actors.model import TypedValue
from tests.types.raising import RAISED, Hook, hook, leave, unfit

ALL = pytest.mark.parametrize("raised", list(RAISED))


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    """As in ``run`` and ``serve``, where a KeyboardInterrupt is never Ctrl-C."""
    with owning_process():
        yield


def field(annotation: object, declaration: Any) -> Field:
    made, problems = make_field("part", annotation, declaration)
    assert made is not None, problems
    return made


def shown(raised: str) -> str:
    return repr(RAISED[raised]("no setting"))


@ALL
def test_convert(raised: str) -> None:
    converting = field(Hook | None, persisted(default=None, convert=lambda _: leave(raised)))

    with pytest.raises(StateDecodeError) as caught:
        converting.read("Thing", TypedValue("test/other", b"1"))

    assert str(caught.value) == (
        "the stored state Thing.part can't be read: expected `Hook` or None, got 1 bytes of 'test/other': convert= "
        f"raised {shown(raised)}. Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


@ALL
def test_the_class_of_a_state(raised: str) -> None:
    plain, stored = field(Hook | None, persisted(default=None)), hook(raised)

    with pytest.raises(StateDecodeError) as caught:
        plain.read("Thing", stored)

    assert str(caught.value) == (
        "the stored state Thing.part can't be read: expected `Hook` or None, "
        f"got {len(stored.value)} bytes of 'test/hook': {unfit(raised)}. "
        "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


@ALL
def test_a_factory_when_its_field_is_declared(raised: str) -> None:
    declaration: Any = persisted(factory=lambda: leave(raised))

    assert make_field("part", int, declaration) == (None, [f"factory= raised {shown(raised)}"])


@ALL
def test_a_factory_later(raised: str) -> None:
    now: list[str] = []
    made = field(list[int], persisted(factory=lambda: [leave(each) for each in now]))
    now.append(raised)

    with pytest.raises(ValueMismatchError) as caught:
        made.absent_value()

    assert str(caught.value) == f"expected a value of `list[int]`, got factory= that raised {shown(raised)}"
