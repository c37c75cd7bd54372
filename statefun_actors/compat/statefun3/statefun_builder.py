"""``StatefulFunctions``: a set of functions by their function types, as in Apache's ``statefun.statefun_builder``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any as Untyped
from typing import TypedDict, TypeVar, Unpack

from google.protobuf.any_pb2 import Any

from statefun_actors.compat.statefun3.codecs import codec_of, codecs
from statefun_actors.compat.statefun3.context import Context
from statefun_actors.compat.statefun3.core import ValueSpec
from statefun_actors.compat.statefun3.messages import Message
from statefun_actors.compat.statefun3.storage import StorageSpec, make_address_storage_spec
from statefun_actors.definition import FailurePolicy, Field, HandlerOptions, Scope, TypeOptions, persisted
from statefun_actors.errors import DefinitionError
from statefun_actors.functions import DeclaredFunction
from statefun_actors.types import Codec

_F = TypeVar("_F", bound=Callable[..., object])


class Options(TypedDict, total=False):
    """The options of ``bind`` that Apache's SDK does not have."""

    on_failure: FailurePolicy | None
    """The failure policy: DeadLetter(...) or Discard(...)."""
    blocking: bool
    """Run a plain ``def`` in a thread."""
    timeout: timedelta | float | None
    """The time after which an async or blocking function fails; seconds as a float."""
    internal: bool | None
    """Whether to take messages from other functions only."""
    concurrency: int | None
    """The most batches that run at once in a process."""


class BindingError(DefinitionError, ValueError):
    """A function is declared wrongly. It lists all problems."""


class StatefulFunction(DeclaredFunction):
    """One function as a function type."""

    storage_spec: StorageSpec

    @property
    def fun(self) -> Callable[..., object]:
        """The function."""
        return self.function

    @property
    def known_types(self) -> Mapping[str, Codec]:
        return codecs()

    def message_types(self, function: Callable[..., object], problems: list[str]) -> tuple[object, ...]:
        super().message_types(function, problems)
        return (Any,)  # Message carries values of all types; annotations of the parameter mean nothing

    def called(self, function: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(function)
        def call(context: Context, _: object) -> object:
            scope = context.scope
            assert scope is not None
            assert scope.invocation is not None
            target = scope.target
            return function(context, Message(target.typename, target.id, scope.invocation.argument))

        return call

    def open(self, scope: Scope) -> Context:
        return Context(scope, self.typename, self.storage_spec)

    def settle(self, subject: Context, scope: Scope) -> None:
        for name, cell in subject.cells.items():
            if cell.dirty:
                scope.changes[name] = cell.stored

    def abandon(self, subject: Context) -> None:
        subject.scope = None


class StatefulFunctions:
    """A set of stateful functions.

    ::

    functions = StatefulFunctions()

    @functions.bind("example/greeter", specs=[ValueSpec("seen", IntType)])
    def greet(context: Context, message: Message) -> None:
        context.storage.seen = (context.storage.seen or 0) + 1
    """

    __slots__ = ("_functions",)

    def __init__(self) -> None:
        self._functions: dict[str, StatefulFunction] = {}

    def bind(
        self, typename: str, specs: Sequence[ValueSpec] | None = None, **options: Unpack[Options]
    ) -> Callable[[_F], _F]:
        """Decorator: serve the function, plain or async, under the function type *typename*, with the states *specs*.

        Raises:
            ValueError: it is declared wrongly; the error says all that is wrong.
        """

        def bound(function: _F) -> _F:
            self.register(typename, function, specs, **options)
            return function

        return bound

    def register(
        self,
        typename: str,
        fun: Callable[..., object],
        specs: Sequence[ValueSpec] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Serve *fun* under *typename*; see :meth:`bind`."""
        storage = make_address_storage_spec(list(specs or ()))
        try:
            function = StatefulFunction(
                typename,
                fun,
                lambda _: {spec.name: _field(spec) for spec in storage.specs},
                HandlerOptions(
                    on_failure=options.get("on_failure"),
                    blocking=options.get("blocking", False),
                    timeout=options.get("timeout"),
                    internal=options.get("internal"),
                ),
                TypeOptions(concurrency=options.get("concurrency")),
                [
                    f"unknown option {name!r}; expected one of: {', '.join(Options.__annotations__)}"
                    for name in options
                    if name not in Options.__annotations__
                ],
            )
        except DefinitionError as error:
            raise BindingError(error.subject, error.problems) from None
        function.storage_spec = storage
        self._functions[typename] = function

    def for_typename(self, typename: str) -> StatefulFunction:
        """The function of that function type. Raises KeyError if there is none."""
        return self._functions[typename]

    @property
    def __function_types__(self) -> Callable[[], Iterable[StatefulFunction]]:
        return self._functions.values

    def __repr__(self) -> str:
        return f"StatefulFunctions({', '.join(self._functions)})"


def _field(spec: ValueSpec) -> Field:
    declaration: Untyped = persisted(
        expire_after_call=spec.ttl if spec.after_call else None,
        expire_after_write=spec.ttl if spec.after_write else None,
    )
    return Field(spec.name, codec_of(spec.type), True, declaration)
