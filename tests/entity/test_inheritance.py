"""Abstract classes share fields and handlers with their subclasses."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import attrs
import pytest

from statefun_actors import DeadLetter, DefinitionError, Discard, Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.types import pack
from tests.dispatch.world import World
from tests.entity import elsewhere
from tests.entity.ping_pong import Ping, Pong, replies


class Base(Entity):
    count: int = persisted(default=0)


class Left(Base):
    left: int = persisted(default=0)

    @handles
    def ping(self, message: Ping) -> Pong:
        self.count += 1
        return Pong("left")


class Right(Base):
    right: int = persisted(default=0)

    @handles
    def ping(self, message: Ping) -> Pong:
        self.right += 1
        return Pong(f"right {self.count}")


async def test_mixins_with_fields_are_combined_as_python_orders_them() -> None:
    class Both(Left, Right, typename="test/both"):
        own: int = persisted(default=0)

    assert [field.name for field in attrs.fields(Both)] == ["count", "right", "left", "own"]
    assert await replies(Both, Ping()) == [pack(Pong("left"))]


async def test_super_reaches_the_handler_of_the_next_class() -> None:
    class Both(Left, Right, typename="test/both"):
        def ping(self, message: Ping) -> Pong:
            first = super().ping(message)
            second = Right.ping(self, message)
            return Pong(f"{first.text}, {second.text}")

    world = World(Both)

    assert (await world.done(Ping())).changes == {"count": pack(1), "right": pack(1)}
    assert await replies(Both, Ping()) == [pack(Pong("left, right 1"))]


async def test_an_overriding_method_stays_the_handler_with_its_options() -> None:
    class Careful(Entity):
        @handles(Ping, on_failure=Discard())
        def ping(self, message: Ping) -> None: ...

    class Failing(Careful, typename="test/failing"):
        async def ping(self, message: Ping) -> None:  # type: ignore[override]
            raise RuntimeError("no")

    outcome = await World(Failing).done(Ping())

    assert [str(failure.error) for failure in outcome.failures] == ["no"]


async def test_an_overriding_method_that_is_marked_handles_what_its_own_mark_says() -> None:
    class Other(Left, typename="test/other"):
        @handles(Pong)
        def ping(self, message: Pong) -> None: ...  # type: ignore[override]

    assert set(World(Other).function.handlers) == {"test/pong"}


async def test_the_mark_nearest_in_the_order_of_bases_counts() -> None:
    class Quiet(Base):
        def ping(self, message: Ping) -> Pong:
            return Pong("quiet")

    class Both(Quiet, Left, typename="test/both"):
        pass

    assert await replies(Both, Ping()) == [pack(Pong("quiet"))]


async def test_handlers_of_plain_mixins_work() -> None:
    class Plain:
        __slots__ = ()
        count: int

        @handles
        def ping(self, message: Ping) -> Pong:
            self.count += 1  # type: ignore[misc]
            return Pong(f"plain {self.count}")

    class Mixed(Plain, Base, typename="test/mixed"):
        pass

    assert await replies(Mixed, Ping(), Ping()) == [pack(Pong("plain 1")), pack(Pong("plain 2"))]


def test_a_field_is_redeclared_by_the_nearest_class() -> None:
    class Other(Left, typename="test/other"):
        count: str = persisted(default="none", name="text")  # type: ignore[assignment]

    assert Other().count == "none"
    assert [spec.name for spec in World(Other).function.states] == ["text", "left"]


async def test_a_field_may_stand_in_for_an_abstract_property() -> None:
    class Named(Entity):
        @property
        @abc.abstractmethod
        def title(self) -> str: ...

        @handles
        def ping(self, message: Ping) -> Pong:
            return Pong(self.title)

    class Book(Named, typename="test/book"):
        title: str = persisted(default="untitled")  # pyright: ignore[reportIncompatibleMethodOverride]

    assert await replies(Book, Ping(), title="Emma") == [pack(Pong("Emma"))]


async def test_a_class_with_a_typename_can_be_derived_from() -> None:
    class Account(Left, typename="test/account"):
        pass

    class Savings(Account, typename="test/savings"):
        interest: float = persisted(default=0.0)

    class Abstract(Account):
        limit: int = persisted(default=0)

    class Limited(Abstract, typename="test/limited"):
        pass

    assert await replies(Savings, Ping()) == [pack(Pong("left"))]
    assert [field.name for field in attrs.fields(Limited)] == ["count", "left", "limit"]
    assert (await World(Limited, {"count": 4}).done(Ping())).changes == {"count": pack(5)}
    assert Application(Account, Savings, Limited).typenames == ["test/account", "test/limited", "test/savings"]
    with pytest.raises(DefinitionError, match="an abstract Entity can't have instances"):
        Abstract()


def test_the_failure_policy_is_inherited_and_replaced() -> None:
    class Careful(Entity, on_failure=Discard()):
        pass

    class Child(Careful, typename="test/child"):
        pass

    class Other(Careful, typename="test/other", on_failure=DeadLetter("test/dead")):
        pass

    assert World(Child).function.on_failure == Discard()
    assert World(Other).function.on_failure == DeadLetter("test/dead")


def test_the_nearest_failure_policy_counts() -> None:
    class One(Entity, on_failure=Discard(1)):
        pass

    class Two(Entity, on_failure=Discard(2)):
        pass

    class Both(One, Two, typename="test/both"):
        pass

    assert World(Both).function.on_failure == Discard(1)


def test_constants_and_methods_are_shared_as_in_any_class() -> None:
    class Limits(Entity):
        LIMIT: ClassVar = 3

        @classmethod
        def double(cls) -> int:
            return 2 * cls.LIMIT

        @staticmethod
        def half(number: int) -> int:
            return number // 2

        @property
        def left(self) -> int:
            return self.LIMIT - self.half(2)

    class Cart(Limits, typename="test/cart"):
        LIMIT = 5

    assert (Cart.double(), Cart().double(), Cart().left) == (10, 10, 4)


def test_init_subclass_works_and_gets_its_keywords_once() -> None:
    seen: list[tuple[str, str]] = []

    class Regional(Entity):
        def __init_subclass__(cls, *, region: str = "none", **keywords: Any) -> None:
            super().__init_subclass__(**keywords)
            seen.append((cls.__name__, region))

    class Cart(Regional, typename="test/cart", region="eu"):
        pass

    assert Cart() == Cart()
    assert seen == [("Cart", "eu")]
    assert "__init_subclass__" not in vars(Cart)


async def test_annotations_are_resolved_where_they_are_written() -> None:
    """The names of another module, and of a function that has returned, are not in reach here."""
    local = elsewhere.local_mixin()

    class Cart(elsewhere.Mixin, local, typename="test/cart"):  # type: ignore[misc,valid-type]
        pass

    assert [field.name for field in attrs.fields(Cart)] == ["inner", "amount"]
    assert set(World(Cart).function.handlers) == {"elsewhere/hidden", "elsewhere/inner"}


def test_a_class_is_made_once() -> None:
    made: list[str] = []

    class Descriptor:
        def __set_name__(self, owner: type, name: str) -> None:
            made.append(owner.__name__)

    class Cart(Base, typename="test/cart"):
        marker: ClassVar = Descriptor()

    assert made == ["Cart"]
    assert Cart.__subclasses__() == []
