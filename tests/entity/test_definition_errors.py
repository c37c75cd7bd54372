"""The faults of a class are reported at its definition: all at once, each with a remedy."""

from __future__ import annotations

import abc
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

import attrs
import pydantic
import pytest
from google.protobuf import any_pb2

from statefun_actors import DefinitionError, Entity, NoAnswer, NotAMessageError, answers, handles, message, persisted
from statefun_actors.types import pack

declare: Any = persisted  # what the type checker refuses is what is tried here
marked: Any = handles

ENTITY_NAMES = ["address", "at", "caller", "cancel", "clear", "id", "now", "reply", "send", "send_after", "send_egress"]


@message("cart/added")
class Added:
    sku: str


@message("cart/taken")
class Taken:
    sku: str


@message("cart/added")
class Other:
    sku: str


class Plain:
    x: int


@dataclass
class Data:
    x: int


class Model(pydantic.BaseModel):
    x: int


@attrs.frozen
class Nameless:
    sku: str


def problems_of(define: Callable[[], object]) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        define()
    return list(caught.value.problems)


def cart(*bases: type, typename: object = "cart/cart", annotations: Any = None, **body: Any) -> list[str]:
    """The problems of ``class Cart(*bases, Entity)`` with this body."""
    namespace = {"__module__": __name__, "__qualname__": "Cart", "__annotations__": annotations or {}, **body}
    make: Any = type(Entity)
    return problems_of(lambda: make("Cart", (*bases, Entity), namespace, typename=typename))


def test_everything_wrong_with_a_class_is_said_at_once() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart"):
            total: complex = persisted(default=0j)
            items: list[str] = persisted(default=[])
            sent: bool
            send: str = persisted(default="")  # type: ignore[assignment]

            @handles
            def add(self, message) -> None: ...  # type: ignore[no-untyped-def]

            @handles(Added)
            def put(self, message: Added) -> None: ...

            @handles(Added)
            def place(self, message: Added) -> None: ...

        return Cart

    with pytest.raises(DefinitionError) as caught:
        define()

    assert str(caught.value) == (
        "class Cart has 7 problems:\n"
        "  - 'send' hides an attribute of Entity; choose another name\n"
        "  - sent: an annotated attribute is not a field; "
        "write `sent: ... = persisted(default=...)` to keep it, or ClassVar[...] to share it\n"
        "  - add: it has no message type; write @handles(Type), or annotate `message: Type`\n"
        "  - total: `complex` can't be stored: write `tuple[float, float]`\n"
        "  - items: default=[] is mutable and would be shared; write factory=list\n"
        "  - Cart.put and Cart.place both handle Added; a type has one handler\n"
        "  - typename= is <namespace>/<name>: got 'cart'. Write <namespace>/<name>, such as 'bank/account'."
    )


def test_one_problem_stands_in_one_line() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            total: int = persisted()

        return Cart

    with pytest.raises(DefinitionError) as caught:
        define()

    assert str(caught.value) == (
        "class Cart: total: a field that is not optional needs a default: "
        "persisted(default=...) or persisted(factory=...)"
    )


@pytest.mark.parametrize(
    ("typename", "problem"),
    [
        ("cart", "typename= is <namespace>/<name>: got 'cart'. Write <namespace>/<name>, such as 'bank/account'."),
        ("/cart", "typename= is <namespace>/<name>: got '/cart'. Write <namespace>/<name>, such as 'bank/account'."),
        ("cart/", "typename= is <namespace>/<name>: got 'cart/'. Write <namespace>/<name>, such as 'bank/account'."),
        ("", "typename= is <namespace>/<name>: got ''. Write <namespace>/<name>, such as 'bank/account'."),
        (5, "typename= is <namespace>/<name>: got 5. Write a string such as 'bank/account'."),
        (
            "statefun-actors/cart",
            "typename='statefun-actors/cart': the namespace 'statefun-actors' is reserved; choose your own",
        ),
        (
            "io.statefun/cart",
            "typename='io.statefun/cart': the namespace 'io.statefun' is reserved; choose your own",
        ),
        (
            "io.statefun.types/cart",
            "typename='io.statefun.types/cart': the namespace 'io.statefun' is reserved; choose your own",
        ),
        ("cart/\ud800", "typename='cart/\\ud800' contains text that UTF-8 can't encode; choose another name"),
    ],
)
def test_a_typename_is_a_namespace_and_a_name_of_ones_own(typename: object, problem: str) -> None:
    assert cart(typename=typename) == [problem]


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_nothing_may_hide_what_every_entity_has(name: str) -> None:
    hides = f"{name!r} hides an attribute of Entity; choose another name"

    assert cart(**{name: lambda self: None}) == [hides]
    assert cart(**{name: persisted(default=0)}, annotations={name: int}) == [hides]
    assert cart(annotations={name: int}) == [hides]


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_a_mixin_may_not_hide_it_either(name: str) -> None:
    mixin = type("Mixin", (), {"__slots__": (), name: lambda self: None})

    assert cart(mixin) == [f"Mixin.{name} hides an attribute of Entity; choose another name"]


@pytest.mark.parametrize(
    "name", ["__init__", "__new__", "__getattr__", "__setattr__", "__delattr__", "__attrs_post_init__"]
)
def test_making_instances_is_left_to_the_engine(name: str) -> None:
    mixin = type("Mixin", (), {"__slots__": (), name: lambda self: None})

    assert cart(**{name: lambda self: None}) == [
        f"{name} is reserved: the engine creates the instances; give fields their defaults in persisted(...)"
    ]
    assert cart(mixin) == [f"Mixin.{name} is never called, since the engine creates the instances; remove it"]


def test_a_base_whose_instances_take_any_attribute_is_refused() -> None:
    class Loose:
        pass

    assert cart(Loose) == [
        "the base Loose accepts any attribute, which would be lost silently; "
        "derive it from Entity (without a typename), or give it `__slots__ = ()`"
    ]


def test_a_cached_property_has_no_place_to_keep_its_value() -> None:
    problem = "total: a cached_property would lose its value after the batch; write @property"
    assert cart(total=functools.cached_property(lambda self: 0)) == [problem]


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


@pytest.mark.parametrize(
    ("types", "problem"),
    [
        ((Nameless,), 'Nameless has no typename; write @message("ns/name") above `class Nameless`'),
        ((Plain,), 'Plain is not a message; write @message("ns/name") above `class Plain`'),
        ((Data,), 'Data is not a message; write @message("ns/name") above `class Data`, and remove @dataclass'),
        (
            (Model,),
            'Model is not a message; write @message("ns/name") above `class Model`, and remove the base BaseModel',
        ),
        ((complex,), "`complex` can't be stored: write `tuple[float, float]`"),
        ((Added | None,), "a message is never None; remove `| None`"),
        ((None,), "a message is never None; remove `| None`"),
        ((list,), "`list` does not say what it holds: write for example `list[str]`"),
    ],
)  # fmt: skip
def test_a_handler_takes_what_can_be_sent(types: tuple[Any, ...], problem: str) -> None:
    @handles(*types)
    def f(self: object, message: object) -> None: ...

    assert cart(f=f) == [f"Cart.f: {problem}"]


def test_a_reply_that_can_not_be_sent_is_refused() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles
            def add(self, message: Added) -> Nameless | None: ...

        return Cart

    assert problems_of(define) == [
        'add: its reply can\'t be sent: Nameless has no typename; write @message("ns/name") above `class Nameless`'
    ]


def test_one_type_has_one_handler() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles(Added, Taken)
            def f(self, message: Added | Taken) -> None: ...

            @handles(int)
            def g(self, message: int) -> None: ...

            @handles
            def h(self, message: int | Added) -> None: ...

            @handles(any_pb2.Any)
            def i(self, message: any_pb2.Any) -> None: ...

            @handles
            def j(self, message: any_pb2.Any) -> None: ...

        return Cart

    assert problems_of(define) == [
        "Cart.g and Cart.h both handle int; a type has one handler",
        "Cart.f and Cart.h both handle Added; a type has one handler",
        "Cart.i and Cart.j both handle google.protobuf.Any; keep one",
    ]


def test_two_types_that_are_one_on_the_wire_are_refused() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles
            def f(self, message: list[str] | dict[str, int]) -> None: ...

        return Cart

    assert problems_of(define) == [
        "Cart.f takes list[str] and dict[str, int], which are both statefun-actors/json on the wire; "
        "put one of them into a field of a @message class of its own"
    ]


def test_two_classes_under_one_name_are_refused() -> None:
    def two_handlers() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles
            def f(self, message: Added) -> None: ...

            @handles
            def g(self, message: Other) -> None: ...

        return Cart

    def handler_and_field() -> object:
        class Cart(Entity, typename="cart/cart"):
            last: Other | None = persisted()

            @handles
            def f(self, message: Added) -> None: ...

        return Cart

    assert problems_of(two_handlers) == [
        "Cart.f takes Added and Cart.g takes Other, which are both cart/added on the wire; "
        "give one of them another name"
    ]
    assert problems_of(handler_and_field) == [
        "last holds Other and Cart.f takes another class, both named cart/added; give one of them another name"
    ]


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


@pytest.mark.parametrize("policy", ["retry", 3, object])
def test_a_failure_policy_is_one_of_two(policy: Any) -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart", on_failure=policy):
            pass

        return Cart

    assert problems_of(define) == [f"on_failure= is DeadLetter(...) or Discard(...), got {policy!r}"]


def test_abstract_methods_are_defined_before_a_class_gets_a_typename() -> None:
    class Sums(Entity):
        @abc.abstractmethod
        def total(self) -> int: ...

    def define() -> object:
        class Cart(Sums, typename="cart/cart"):
            pass

        return Cart

    assert problems_of(define) == ["it has abstract methods: total; define them, or remove the typename"]


def test_a_handler_can_not_be_overridden_by_something_else() -> None:
    class Base(Entity):
        @handles
        def add(self, message: Added) -> None: ...

    def define() -> object:
        class Cart(Base, typename="cart/cart"):
            add = None  # type: ignore[assignment]

        return Cart

    assert problems_of(define) == ["add is a handler of Base; a NoneType can't override it"]


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


def test_two_bases_with_slots_of_their_own_can_not_be_combined() -> None:
    class One(Entity, typename="cart/one"):
        a: int = persisted(default=0)

    class Two(Entity, typename="cart/two"):
        b: int = persisted(default=0)

    def define() -> object:
        class Cart(One, Two, typename="cart/cart"):
            pass

        return Cart

    assert problems_of(define) == [
        "two of its bases have a typename, or slots of their own; derive it from one of them"
    ]


def test_an_abstract_class_has_no_instances() -> None:
    class Base(Entity):
        total: int = persisted(default=0)

    with pytest.raises(DefinitionError) as caught:
        Base(total=3)

    assert str(caught.value) == (
        "Base(...): an abstract Entity can't have instances; give the class a typename='ns/name'"
    )


def test_an_abstract_class_is_looked_at_too() -> None:
    def define() -> object:
        class Base(Entity):
            total: complex = persisted(default=0j)

        return Base

    assert problems_of(define) == ["total: `complex` can't be stored: write `tuple[float, float]`"]


def test_errors_of_python_itself_keep_their_text() -> None:
    class Base(Entity):
        def __init_subclass__(cls, *, region: str, **keywords: Any) -> None:
            super().__init_subclass__(**keywords)

    def define() -> object:
        class Cart(Base, typename="cart/cart"):
            pass

        return Cart

    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'region'"):
        define()


def test_a_broken_repr_does_not_hide_the_problem() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert cart(total=persisted(default=Broken()), annotations={"total": int}) == [
        "total: default=<Broken that can't be printed> does not fit: expected `int`, got `Broken`"
    ]
    assert cart(total=declare(default=0, convert=Broken()), annotations={"total": int}) == [
        "total: convert= is a function of a TypedValue, got <Broken that can't be printed>"
    ]


def test_an_option_that_there_is_not_is_named() -> None:
    def define() -> object:
        make: Any = type(Entity)
        return make("Cart", (Entity,), {"__module__": __name__}, type_name="cart/cart", failure=None)

    assert problems_of(define) == [
        "an Entity takes typename=, on_failure=, internal=, concurrency=, expire_after_call= and was=, "
        "not type_name=, failure="
    ]


def test_attrs_has_no_say_in_an_entity() -> None:
    def define() -> object:
        @attrs.define
        class Cart(Entity, typename="cart/cart"):
            total: int = persisted(default=0)

        return Cart

    assert problems_of(define) == ["its fields are attrs fields already; remove the attrs decorator"]


def test_an_entity_is_no_value() -> None:
    class Cart(Entity, typename="cart/cart"):
        total: int = persisted(default=0)

    instead = "`Cart` can't be stored: an Entity is not a value; write `Address`, and keep `Cart.at(id)`"
    assert cart(first=declare(default=None), annotations={"first": Cart | None}) == [f"first: {instead}"]
    assert cart(all=declare(factory=list), annotations={"all": list[Cart]}) == [f"all: {instead}"]
    assert problems_of(lambda: message("cart/told")(Cart)) == [
        "an Entity can't be a message. Send its address, or a @message class with the fields to send."
    ]
    with pytest.raises(NotAMessageError) as caught:
        pack(Cart(total=3))
    assert str(caught.value) == (
        "a value of class `Cart` is not a message. Send its address, or a @message class with the fields to send."
    )


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


@pytest.mark.parametrize("name", ["cls", "name", "args", "typename", "values"])
def test_a_field_may_have_any_other_name(name: str) -> None:
    make: Any = type(Entity)
    body = {"__module__": __name__, "__annotations__": {name: int}, name: persisted(default=0)}
    cls = make("Cart", (Entity,), body, typename="cart/cart")

    assert getattr(cls(**{name: 3}), name) == 3


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
