"""What the documentation of the 2.0 Python SDK shows of state, over both wires, bytes to bytes."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration as User  # these three stand for an application's own messages

from statefun_actors import Context, StateDecodeError, StatefulFunctions, UndeclaredStateError
from statefun_actors.model import TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import V2, Dialect
from tests.endpoint.documentation_2_0 import ADMIN, USER, any_of, both, bound, expected, handled
from tests.wire.reference import GOOGLE

ANY = f"{GOOGLE}google.protobuf.Any"


def count_greeter(context: Context, message: Any) -> None:
    """Greets a user by how often it was seen, as the documentation has it."""
    state = context["count"]
    if state is None:
        state = Any()
        state.Pack(User(seconds=1))
    else:
        counter = User()
        state.Unpack(counter)
        counter.seconds += 1
        state.Pack(counter)
    context["count"] = state


@both
def test_state_is_absent_at_first_and_kept_from_then_on(dialect: Dialect) -> None:
    functions = bound(count_greeter)

    assert handled(dialect, functions, USER, state={"count": None}) == expected(dialect, count=pack(User(seconds=1)))
    assert handled(dialect, functions, USER, ADMIN, state={"count": pack(User(seconds=5))}) == expected(
        dialect, count=pack(User(seconds=7))
    )


@both
def test_once_it_is_declared_as_any_it_still_reads_what_was_kept_before(dialect: Dialect) -> None:
    functions = StatefulFunctions()
    functions.register("example/fn", count_greeter, states={"count": Any})

    def declared(count: User) -> TypedValue:
        return TypedValue(ANY, any_of(count).SerializeToString())

    for before in (pack(User(seconds=5)), declared(User(seconds=5))):
        after = pack(User(seconds=6)) if dialect is V2 else declared(User(seconds=6))
        assert handled(dialect, functions, USER, state={"count": before}) == expected(dialect, count=after)
    for no_any in (TypedValue("statefun-actors/unreadable", b"x"), TypedValue(ANY, b"x")):
        with pytest.raises(StateDecodeError):
            handled(dialect, functions, USER, state={"count": no_any})


@both
def test_state_is_cleared_by_deleting_it_or_by_none(dialect: Dialect) -> None:
    def deleting(context: Context, message: User) -> None:
        del context["count"]
        assert context["count"] is None

    def none(context: Context, message: User) -> None:
        context["count"] = None

    for function in (deleting, none):
        got = handled(dialect, bound(function), USER, state={"count": pack(USER)})
        assert got == expected(dialect, count=None)


@both
def test_state_that_is_only_read_is_not_sent_back(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> None:
        counter = User()
        context["count"].Unpack(counter)
        assert counter == USER

    assert handled(dialect, bound(function), USER, state={"count": pack(USER), "other": None}) == expected(dialect)


@both
def test_the_error_of_an_undeclared_state_says_what_to_do(dialect: Dialect) -> None:
    with pytest.raises(UndeclaredStateError, match=r"add to its function in module\.yaml: `states: \["):
        handled(dialect, bound(count_greeter), USER, state={"seen": None})
