"""The faults of a handler's method, its marks and its decorators are reported at the definition of its class."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from statefun_actors import DefinitionError, Entity, NoAnswer, answers, handles, persisted
from tests.entity.cart import Added, Taken, cart, problems_of

marked: Any = handles


@pytest.mark.parametrize(
    ("mark", "method", "problem"),
    [
        (marked, "def f(self): ...", "a handler takes two parameters: `def f(self, message: ...)`"),
        (marked(Added), "def f(self): ...", "a handler takes two parameters: `def f(self, message: ...)`"),
        (marked(Added), "def f(self, a, b): ...", "a handler takes two parameters: `def f(self, message: ...)`"),
        (marked(Added), "def f(self, *, message): ...", "a handler takes two parameters: `def f(self, message: ...)`"),
        (marked, "def f(self, *messages): ...", "it has no message type; "
            "write @handles(Type), or annotate `message: Type`"),
        (marked, "def f(self, message): ...", "it has no message type; "
            "write @handles(Type), or annotate `message: Type`"),
        (marked, "def f(self, message: object): ...", "it has no message type; "
            "write @handles(Type), or annotate `message: Type`"),
        (marked, "def f(self, message: 'Missing'): ...", "the annotation 'Missing' can't be resolved "
            "(name 'Missing' is not defined); import or define it above the class"),
        (marked(Taken), "def f(self, message: Added): ...", "@handles names Taken, its annotation Added; "
            "make them equal"),
        (marked(Added, Taken), "def f(self, message: Added): ...", "@handles names Taken, its annotation Added; "
            "make them equal"),
        (marked(Added), "def f(self, message: Added): yield", "a handler can't yield; return the reply"),
        (marked(Added), "async def f(self, message: Added): yield", "a handler can't yield; return the reply"),
        (marked(Added, blocking=True), "async def f(self, message: Added): ...", "blocking=True is for a plain `def`; "
            "an `async def` does not block"),
        (marked(Added, blocking=1), "def f(self, message: Added): ...", "blocking= is True or False, got 1"),
        (marked(Added, timeout=0), "async def f(self, message: Added): ...", "timeout= is a timedelta or seconds, "
            "more than zero and at most ten years; got 0"),
        (marked(Added, timeout=float("nan")), "async def f(self, message: Added): ...", "timeout= is a timedelta or "
            "seconds, more than zero and at most ten years; got nan"),
        (marked(Added, timeout=5), "def f(self, message: Added): ...", "timeout= can't interrupt a plain `def`; "
            "make it `async def`, or write blocking=True"),
        (marked(Added, on_failure="retry"), "def f(self, message: Added): ...", "on_failure= is DeadLetter(...) or "
            "Discard(...), got 'retry'"),
    ],
)  # fmt: skip
def test_a_handler_is_written_so_that_it_can_be_called(mark: Any, method: str, problem: str) -> None:
    scope: dict[str, Any] = {"Added": Added, "Taken": Taken, "__name__": __name__}
    exec(method, scope)

    assert cart(f=mark(scope["f"])) == [f"f: {problem}"]


def test_handles_stands_above_a_method_once() -> None:
    def twice() -> object:
        class Cart(Entity, typename="cart/cart"):
            @marked(Added)  # type: ignore[untyped-decorator]
            @handles(Taken)
            def f(self, message: object) -> None: ...

        return Cart

    assert problems_of(twice) == ["f: it has two @handles; write one with all types: @handles(A, B)"]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (staticmethod(lambda message: None), "staticmethod"),
        (classmethod(lambda cls, message: None), "classmethod"),
        (property(lambda self: None), "property"),
        (functools.partial(print), "partial"),
        (print, "builtin_function_or_method"),
        ("Added", "str"),
    ],
)
def test_handles_refuses_objects_that_are_no_methods(wrong: Any, kind: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        handles(wrong)

    assert str(caught.value) == f"@handles: expected a method or types, got a {kind}"


def test_handles_with_types_marks_methods_only() -> None:
    with pytest.raises(DefinitionError) as caught:
        marked(Added)(property(lambda self: None))

    assert str(caught.value) == "@handles: expected a method, got a property"


@pytest.mark.parametrize("above", [staticmethod, classmethod, property])
def test_a_handler_under_another_decorator_is_not_lost(above: Any) -> None:
    @handles(Added)
    def add(self: object, message: Added) -> None: ...

    assert cart(add=above(add)) == [f"add: @handles marks a method, got a {above.__name__}"]


def test_a_handler_is_an_ordinary_method() -> None:
    assert cart(f=marked(Added)(staticmethod(lambda message: None))) == [
        "f: @handles marks a method, got a staticmethod"
    ]


def test_a_generator_below_a_decorator_is_found() -> None:
    @functools.wraps
    def nothing() -> None: ...

    async def f(self: object, message: Added) -> AsyncIterator[int]:
        yield 1

    @functools.wraps(f)
    def g(*arguments: Any) -> Any:
        return f(*arguments)

    assert cart(f=handles(Added)(g)) == ["f: a handler can't yield; return the reply"]


def test_a_handler_can_not_be_overridden_by_something_else() -> None:
    class Base(Entity):
        @handles
        def add(self, message: Added) -> None: ...

    def define() -> object:
        class Cart(Base, typename="cart/cart"):
            add = None  # type: ignore[assignment]

        return Cart

    assert problems_of(define) == ["add is a handler of Base; a NoneType can't override it"]


def test_a_handler_or_a_field_that_is_replaced_in_the_body_is_reported() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            total: int = persisted(default=0)  # pyright: ignore[reportRedeclaration, reportAssignmentType]

            @handles(Added)
            def change(self, message: Added) -> None: ...  # pyright: ignore[reportRedeclaration]

            @handles(Taken)  # type: ignore[no-redef]
            def change(self, message: Taken) -> None: ...  # noqa: F811

            @handles(int)  # type: ignore[no-redef]
            def total(self, message: int) -> None: ...  # noqa: F811

        return Cart

    assert problems_of(define)[:2] == [
        "change is defined twice, and the first one is lost; give each a name of its own",
        "total is defined twice, and the first one is lost; give each a name of its own",
    ]


def test_a_handler_may_be_decorated_further_down() -> None:
    def loudly(method: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(method)
        def loud(self: object, message: Added) -> str:
            return method(self, message).upper()

        return loud

    class Cart(Entity, typename="cart/cart"):
        @handles(Added)
        def add(self, message: Added) -> str:
            return message.sku

        add = loudly(add)

    assert Cart.add(Cart(), Added("apple")) == "APPLE"


def test_one_method_is_a_handler_or_takes_answers_not_both() -> None:
    def above() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles
            @answers
            def f(self, answer: Added | NoAnswer) -> None: ...

        return Cart

    def below() -> object:
        class Cart(Entity, typename="cart/cart"):
            @answers
            @handles
            def f(self, answer: Added | NoAnswer) -> None: ...

        return Cart

    for define in (above, below):
        assert problems_of(define) == ["f: it has both @handles and @answers; write a method for each"]
