"""Orders and answers that keep their content: they mean what their bytes mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Address, TypedValue
from statefun_actors.asking import (
    FAILED,
    ORDER,
    REPLY,
    Answer,
    Close,
    Encoded,
    Expire,
    Open,
    Order,
    Run,
    answer,
    answer_of,
    order,
    order_of,
    run_id,
)
from statefun_actors.conversations import ReplyStep, reply_step
from statefun_actors.types import pack

ASKER: Final = Address("shop/order", "1")
TARGET: Final = Address("shop/stock", "s")
HERE: Final = Address(REPLY, "0" * 32)
_VALUE: Final = st.sampled_from(
    [("x/y", b""), ("x/y", b"\x00\xff"), ("io.statefun.types/int", b"\x0d\x01\x00\x00\x00")]
)


@st.composite
def asks(draw: st.DrawFn) -> Open:
    """An ask as an entity makes it."""
    question = draw(st.none() | _VALUE)
    target = None if question is None else TARGET
    caller = draw(st.sampled_from([None, Address("statefun-actors/ingress", "7"), Address(REPLY, "1" * 32)]))
    ms, keep = draw(st.integers(1, 100_000)), draw(st.none() | _VALUE)
    activity = target is not None and draw(st.booleans())
    return Open(ASKER, "answered", keep, caller, ms, draw(st.integers(0, 1 << 50)), target, question, activity)


def same(value: TypedValue) -> TypedValue:
    return value


def bare(value: TypedValue) -> TypedValue:
    """*value* without its content, as a wire or a store gives it."""
    return TypedValue(value.typename, value.value)


def steps(
    ask: Open, then: TypedValue, caller: Address, passed: Callable[[TypedValue], TypedValue]
) -> tuple[ReplyStep, ReplyStep]:
    """The steps of the order to open *ask*, and of *then*; *passed* is what becomes of each message and state."""
    opened = reply_step(HERE, ASKER, passed(order(ask)), None, None)
    assert opened.ask is not None
    return opened, reply_step(HERE, caller, passed(then), passed(opened.ask), None)


@given(asks(), _VALUE, st.sampled_from(["answer", "failed", "close", "expire", "open"]))
def test_a_step_with_content_is_that_of_the_bytes(ask: Open, value: tuple[str, bytes], second: str) -> None:
    caller, then = {
        "answer": (TARGET, TypedValue(*value)),
        "failed": (TARGET, TypedValue(FAILED, b"broken")),
        "close": (TARGET, order(Close("cancelled"))),
        "expire": (HERE, order(Expire())),
        "open": (ASKER, order(ask)),
    }[second]

    assert steps(ask, then, caller, same) == steps(ask, then, caller, bare)


@given(asks().filter(lambda ask: ask.target is not None))
def test_a_run_with_content_is_that_of_the_bytes(ask: Open) -> None:
    here, run = Address(REPLY, run_id(ask)), order(Run("2" * 32, ask))

    assert reply_step(here, ASKER, run, None, None) == reply_step(here, ASKER, bare(run), None, None)


@pytest.mark.parametrize("content", [Expire(), Close("no"), Open(ASKER, "x", None, None, 1, 2)])
def test_an_order_keeps_its_content(content: Order) -> None:
    kept = order(content)

    assert order_of(kept) is content
    assert order_of(TypedValue(kept.typename, kept.value)) == content


def test_an_answer_keeps_its_content() -> None:
    content = Answer("answered", None, None, ("x/y", b"z"))
    kept = answer(content)

    assert answer_of(kept) is content
    assert answer_of(TypedValue(kept.typename, kept.value)) == content


def test_a_value_with_content_equals_the_one_without() -> None:
    kept, plain = order(Expire()), TypedValue(ORDER, order(Expire()).value)

    assert kept == plain
    assert plain == kept
    assert kept == order(Expire())
    assert hash(kept) == hash(plain)
    assert kept != TypedValue(ORDER, b"")
    assert kept != order(Close(""))
    assert kept != ORDER


def test_a_value_that_is_sent_loses_its_content() -> None:
    packed = pack(order(Expire()))

    assert packed == order(Expire())
    assert not isinstance(packed, Encoded)
