"""The faults of a field are reported at the definition of its class."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

import attrs
import pytest

from statefun_actors import Entity, persisted
from tests.entity.cart import cart, declare, problems_of


@attrs.define(unsafe_hash=True)
class Hashed:
    number: int


def test_a_field_of_a_base_that_is_no_entity_is_no_field() -> None:
    class Mixin:
        __slots__ = ()
        total: int = persisted(default=0)

    assert cart(Mixin) == [
        "Mixin.total is not a field, since Mixin is not an Entity; derive it from Entity (without a typename)"
    ]


@pytest.mark.parametrize(
    ("annotation", "declaration", "problem"),
    [
        (
            int,
            declare(),
            "a field that is not optional needs a default: persisted(default=...) or persisted(factory=...)",
        ),
        (int | None, declare(default=0), "an optional field's default is None, got 0; remove `| None`, or the default"),
        (
            list[str] | None,
            declare(factory=list),
            "an optional field's default is None; remove factory=, or remove `| None`",
        ),
        (int, declare(default=None), "default=None does not fit `int`; annotate it as optional (`... | None`)"),
        (int, declare(default="0"), "default='0' does not fit: expected `int`, got `str`"),
        (int, declare(default=True), "default=True does not fit: expected `int`, got `bool`"),
        (int, declare(default=1 << 63), f"default={1 << 63} does not fit: expected an int of 64 bits, got {1 << 63}"),
        (list[int], declare(factory=lambda: ["0"]), "factory= returns a value that does not fit: "
            "expected `int`, got `str` - at `$[0]`"),
        (list[int], declare(factory=lambda: 1 / 0), "factory= raised ZeroDivisionError('division by zero')"),
        (list[int], declare(factory=[]), "factory= is called without arguments to make the default, got []"),
        (list[str], declare(default=[]), "default=[] is mutable and would be shared; write factory=list"),
        (dict[str, int], declare(default={}), "default={} is mutable and would be shared; write factory=dict"),
        (list[str], declare(default=["a"]), "default=['a'] is mutable and would be shared; "
            "write factory=lambda: ['a']"),
        (
            tuple[list[int], ...],
            declare(default=([],)),
            "default=([],) is mutable and would be shared; write factory=lambda: ([],)",
        ),
        (
            Hashed,
            declare(default=Hashed(5)),
            "default=Hashed(number=5) is mutable and would be shared; write factory=lambda: Hashed(number=5)",
        ),
        (int, declare(default=0, name=""), "name= is a non-empty string that UTF-8 can encode, got ''"),
        (int, declare(default=0, name=5), "name= is a non-empty string that UTF-8 can encode, got 5"),
        (int, declare(default=0, name="\ud800"), "name= is a non-empty string that UTF-8 can encode, got '\\ud800'"),
        (int, declare(default=0, factory=int), "give default= or factory=, not both"),
        (int, declare(default=0, type=str), "persisted(type=str) contradicts the annotation int; remove one"),
        (
            int | None,
            declare(type=list[int]),
            "persisted(type=list[int]) contradicts the annotation int | None; remove one",
        ),
        (int, declare(default=0, convert=5), "convert= is a function of a TypedValue, got 5"),
        (str, declare(default="", convert=str), "convert= is a function of a TypedValue, which str does not "
            "understand; write convert=lambda stored: str(value_of(stored)), with value_of "
            "from statefun_actors.types"),
        (str, declare(default="", convert=repr), "convert= is a function of a TypedValue, which repr does not "
            "understand; write convert=lambda stored: repr(value_of(stored)), with value_of "
            "from statefun_actors.types"),
        (bool, declare(default=False, convert=bool), "convert= is a function of a TypedValue, which bool does not "
            "understand; write convert=lambda stored: bool(value_of(stored)), with value_of "
            "from statefun_actors.types"),
        (
            int,
            declare(default=0, expire_after_write=timedelta(1), expire_after_call=timedelta(1)),
            "give expire_after_write= or expire_after_call=, not both",
        ),
        (
            int,
            declare(default=0, expire_after_write=timedelta()),
            "expire_after_write= is a timedelta of at least a millisecond, got datetime.timedelta(0)",
        ),
        (
            int,
            declare(default=0, expire_after_call=60),
            "expire_after_call= is a timedelta of at least a millisecond, got 60",
        ),
        (complex, declare(default=0j), "`complex` can't be stored: write `tuple[float, float]`"),
        (list, declare(factory=list), "`list` does not say what it holds: write for example `list[str]`"),
        ("Missing", declare(), "the annotation 'Missing' can't be resolved (name 'Missing' is not defined); "
            "import or define it above the class"),
    ],
)  # fmt: skip
def test_a_field_is_declared_so_that_it_can_be_stored(annotation: object, declaration: Any, problem: str) -> None:
    assert cart(total=declaration, annotations={"total": annotation}) == [f"total: {problem}"]


def test_a_factory_makes_a_new_object_each_time() -> None:
    shared: list[str] = []

    problems = cart(items=persisted(factory=lambda: shared), annotations={"items": list[str]})

    assert problems == [
        "items: factory= returns the same object twice, which would be shared; return a new one each time"
    ]


def test_all_problems_of_one_field_are_said() -> None:
    declaration: Any = declare(default=0, factory=int, expire_after_call=5, name="")

    problems = cart(total=declaration, annotations={"total": int})

    assert problems == [
        "total: name= is a non-empty string that UTF-8 can encode, got ''",
        "total: give default= or factory=, not both",
        "total: expire_after_call= is a timedelta of at least a millisecond, got 5",
    ]


def test_immutable_defaults_of_container_types_are_fine() -> None:
    @attrs.frozen
    class Point:
        x: int = 0

    class Cart(Entity, typename="cart/cart"):
        point: Point = persisted(default=Point(3))
        skus: tuple[str, ...] = persisted(default=("a",))
        tags: frozenset[str] = persisted(default=frozenset({"new"}))

    assert Cart() == Cart(point=Point(3), skus=("a",), tags=frozenset({"new"}))


def test_a_field_needs_a_type() -> None:
    assert cart(total=persisted(default=0)) == ["total: a field needs a type: `total: <type> = persisted(...)`"]


def test_the_type_may_be_given_in_the_declaration() -> None:
    class Cart(Entity, typename="cart/cart"):
        total = declare(default=0, type=int)

    assert Cart().total == 0


def test_two_fields_have_two_states() -> None:
    problems = cart(
        total=persisted(default=0), sum=persisted(default=0, name="total"), annotations={"total": int, "sum": int}
    )

    assert problems == ["total and sum are both stored as 'total'; rename one of the two"]


@pytest.mark.parametrize("name", ["_total", "__total"])
def test_a_field_does_not_begin_with_an_underscore(name: str) -> None:
    problems = cart(**{name: persisted(default=0)}, annotations={name: int})

    assert problems == [f"{name}: a field's name must not begin with _; choose another one"]


def test_self_is_no_field() -> None:
    assert cart(self=persisted(default=0), annotations={"self": int}) == [
        "a field can't be named self; choose another name"
    ]


def test_an_annotated_attribute_is_a_field_or_a_class_variable() -> None:
    class Cart(Entity, typename="cart/cart"):
        limit: ClassVar[int] = 3
        names: ClassVar = ("a",)

    assert Cart().limit == 3
    assert cart(annotations={"limit": int}, limit=3) == [
        "limit: an annotated attribute is not a field; "
        "write `limit: ... = persisted(default=...)` to keep it, or ClassVar[...] to share it"
    ]


def test_a_field_named_like_its_type_can_be_annotated_by_a_longer_name() -> None:
    problems = cart(date=(declaration := persisted()), annotations={"date": declaration})

    assert problems == [
        "date: Python resolves the annotation to the field itself, since both are named 'date'; "
        "use a qualified name, such as `module.date`"
    ]


def test_where_annotations_are_not_evaluated_a_field_may_be_named_like_its_type() -> None:
    class Cart(Entity, typename="cart/cart"):
        date: date | None = persisted(default=None)

        def list(self) -> list[str]:
            return []

        names: list[str] = declare(factory=type([]))  # type: ignore[valid-type]

    assert Cart().date is None


def test_a_field_and_something_else_of_its_name_are_refused() -> None:
    class Base(Entity):
        total: int = persisted(default=0)

    class Sums(Entity):
        def total(self) -> int:
            return 0

    def overridden() -> object:
        class Cart(Base, typename="cart/cart"):
            def total(self) -> int:  # type: ignore[misc,override]
                return 0

        return Cart

    def mixed() -> object:
        class Cart(Base, Sums, typename="cart/cart"):  # type: ignore[misc]
            pass

        return Cart

    assert problems_of(overridden) == [
        "total is a field of Base, and Cart has something else of that name; choose another name for one of them"
    ]
    assert problems_of(mixed) == [
        "total is a field of Base, and Sums has something else of that name; choose another name for one of them"
    ]


@pytest.mark.parametrize("name", ["cls", "name", "args", "typename", "values"])
def test_a_field_may_have_any_other_name(name: str) -> None:
    make: Any = type(Entity)
    body = {"__module__": __name__, "__annotations__": {name: int}, name: persisted(default=0)}
    cls = make("Cart", (Entity,), body, typename="cart/cart")

    assert getattr(cls(**{name: 3}), name) == 3
