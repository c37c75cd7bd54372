"""Whatever a user's class raises while a value is read or written is the error that a ValueError would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

import attrs
import pytest

from statefun_actors.compat.statefun3.codecs import TypeCodec
from statefun_actors.compat.statefun3.core import simple_type
from statefun_actors.errors import ValueMismatchError
from statefun_actors.interrupts import owning_process
from statefun_actors.types import NO_JSON, codec_for, json_of, json_text_of, pack
from tests.types.raising import RAISED, Hook, hook, leave, unfit

ALL = pytest.mark.parametrize("raised", list(RAISED))


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    """As in ``run`` and ``serve``, where a KeyboardInterrupt is never Ctrl-C."""
    with owning_process():
        yield


@attrs.frozen
class Validated:
    raised: str = attrs.field(validator=lambda _, __, raised: leave(raised))


@attrs.frozen
class Converted:
    raised: str = attrs.field(converter=leave)


@attrs.frozen
class Made:
    raised: str
    more: str = attrs.field(default=attrs.Factory(lambda self: leave(self.raised), takes_self=True))


@attrs.frozen(eq=False)
class Hashed:
    raised: str

    def __hash__(self) -> int:
        leave(self.raised)
        return 0


@attrs.define
class Computed:
    raised: str
    part: int = attrs.field(init=False)

    def __getattr__(self, name: str) -> Any:
        leave(self.raised)
        raise AttributeError(name)


class Level(Enum):
    LOW = "low"

    @classmethod
    def _missing_(cls, value: object) -> None:
        leave(str(value))


READ: Final[Mapping[object, tuple[str, str]]] = {
    Hook: ('{"raised":"…"}', "expected values that `Hook` accepts, got …: no setting"),
    list[Hook]: ('[{"raised":"…"}]', "expected values that `Hook` accepts, got …: no setting - at `$[0]`"),
    Validated: ('{"raised":"…"}', "expected values that `Validated` accepts, got …: no setting"),
    Converted: ('{"raised":"…"}', "expected values that `Converted` accepts, got …: no setting"),
    Made: ('{"raised":"…"}', "expected values that `Made` accepts, got …: no setting"),
    Level: ('"…"', "expected a value of `Level`, got '…'"),
    dict[Level, int]: ('{"…":1}', "expected keys that are a value of `Level`, got '…'"),
    set[Hashed]: ('[{"raised":"…"}]', "expected a value of `set[Hashed]` that can be read, got …: no setting"),
}


@ALL
@pytest.mark.parametrize("annotation", list(READ))
def test_a_class_that_raises_on_reading(annotation: object, raised: str) -> None:
    data, text = (each.replace("…", raised) for each in READ[annotation])
    codec = codec_for(annotation)

    with pytest.raises(ValueMismatchError) as caught:
        codec.decode(data.encode())

    assert str(caught.value) == text
    assert type(caught.value.__cause__) is RAISED[raised]


@ALL
def test_a_class_that_raises_on_writing(raised: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        pack([Computed(raised)])

    expected = "expected a value of `list[Computed]` that can be written"
    assert str(caught.value) == f"{expected}, got {raised}: no setting"
    assert type(caught.value.__cause__) is RAISED[raised]


@ALL
def test_a_value_that_raises_when_it_is_read_back_is_not_written(raised: str) -> None:
    value = Hook("nothing")
    object.__setattr__(value, "raised", raised)

    with pytest.raises(ValueMismatchError) as caught:
        pack(value)

    assert str(caught.value) == unfit(raised)


@ALL
def test_a_value_that_can_not_be_read_has_no_json_form(raised: str) -> None:
    assert json_of(hook(raised)) is NO_JSON
    assert json_text_of(hook(raised)) is None
    assert json_text_of(hook(raised), {"test/hook": codec_for(Hook)}) is None


@ALL
def test_a_type_of_the_3x_sdk_that_raises(raised: str) -> None:
    def serialize(value: object) -> bytes:
        leave(str(value))
        return b""

    codec = TypeCodec(simple_type("test/simple", serialize, lambda data: leave(data.decode())))

    with pytest.raises(ValueMismatchError) as caught:
        codec.encode(raised)
    assert str(caught.value) == "expected `test/simple`, got str: no setting"
    with pytest.raises(ValueError, match=r"^malformed test/simple: no setting$"):
        codec.decode(raised.encode())

    class Lines(dict[str, str]):
        def items(self) -> Any:
            return leave(raised)

    with pytest.raises(ValueMismatchError) as caught:
        codec.to_json(Lines(a="b"))
    assert str(caught.value) == "expected a value with a JSON form, got Lines: no setting"


@pytest.mark.parametrize("annotation", [Hook, set[Hashed]])
def test_outside_of_run_and_serve_a_keyboard_interrupt_may_be_ctrl_c(
    annotation: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statefun_actors.interrupts.owns_process", lambda: False)
    data = READ[annotation][0].replace("…", "KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        codec_for(annotation).decode(data.encode())
