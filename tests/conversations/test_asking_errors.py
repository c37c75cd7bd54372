"""Asks that can not work, and methods that can not take answers."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from statefun_actors import (
    DefinitionError,
    Entity,
    NoAnswer,
    UnhandledMessageError,
    ValueMismatchError,
    answers,
    handles,
)
from statefun_actors.testing import given
from tests.conversations.reservations import Reserve, Reserved, Stock


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.plain), "decorated with @answers, got self.plain"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=print), "decorated with @answers"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.taken), "keep=, a `int` for the second parameter"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.taken, keep="x"), "keep= of Asker.taken as"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, keep=1), "no keep=, since Asker.bare"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=0), "more than zero"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=None), "ten years, got None"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=math.inf), "ten years, got inf"),
        (lambda self: self.reply_address(then=self.bare, timeout=math.inf), "ten years, got inf"),
        (
            lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=-1),
            "expected timeout= as a timedelta or seconds, more than zero and at most ten years, got -1",
        ),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=timedelta(days=4000)), "ten years"),
        (lambda self: self.ask(Stock.at("a"), 5, then=self.bare), "takes Reserve"),
        (lambda self: self.ask("shop/stock/a", 5, then=self.bare), "an address"),
    ],
)
def test_an_ask_that_can_not_work_fails_at_the_call(call: Any, problem: str) -> None:
    class Asker(Entity, typename="test/asker"):
        @handles
        def go(self, message: str) -> None:
            call(self)

        def plain(self) -> None: ...

        @answers
        def taken(self, answer: Reserved | NoAnswer, kept: int) -> None: ...

        @answers
        def bare(self, answer: Reserved | NoAnswer) -> None: ...

    with pytest.raises((ValueMismatchError, UnhandledMessageError)) as caught:
        given(Asker, "a").when("go")
    assert problem in str(caught.value)


def test_everything_wrong_with_a_method_that_takes_answers_is_reported_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:

        class Wrong(Entity, typename="test/wrong"):  # pyright: ignore[reportUnusedClass]
            @answers
            def never(self, answer: Reserved) -> None: ...

            @answers
            def alone(self, answer: NoAnswer) -> None: ...

            @answers
            def many(self, answer: Reserved | NoAnswer, one: int, two: int) -> None: ...

            @answers
            def odd(self, answer: Reserved | NoAnswer, kept: object) -> None: ...

            @answers
            def bare(self, answer) -> None: ...  # type: ignore[no-untyped-def]

    text = str(caught.value)
    for part in (
        "Wrong.never: an answer may not arrive; write `answer: Reserved | NoAnswer`",
        "Wrong.alone: it takes only NoAnswer",
        "many: it takes the answer and, at most, the kept value",
        "Wrong.odd: its second parameter is the value of `keep=`",
        "bare: annotate its parameters",
    ):
        assert part in text
