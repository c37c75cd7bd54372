"""``StatefulFunctions``: a set of functions by their function types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar

from statefun_actors.definition import FailurePolicy, Field, HandlerOptions, TypeOptions
from statefun_actors.functions.bound import BoundFunction, declared_fields

_F = TypeVar("_F", bound=Callable[..., object])


class StatefulFunctions:
    """A set of stateful functions.

    ::

        functions = StatefulFunctions()

        @functions.bind("example/hello")
        def hello(context: Context, message: Deposit | Remind) -> None: ...
    """

    def __init__(self, *, own: bool = False) -> None:
        """*own*: they are the library's, whose namespace is reserved."""
        self._own = own
        self._functions: dict[str, BoundFunction] = {}

    def bind(
        self,
        typename: str,
        *,
        states: Mapping[str, object] | None = None,
        on_failure: FailurePolicy | None = None,
        blocking: bool = False,
        timeout: timedelta | float | None = None,
        internal: bool | None = None,
        concurrency: int | None = None,
    ) -> Callable[[_F], _F]:
        """Decorator: serve the function under the function type *typename*.

        The annotation of its second parameter declares its messages: one type or a union. Without one it takes all, as
        ``google.protobuf.Any``. Its return value is ignored.

        Args:
            typename: ``<namespace>/<name>``.
            states: name → type or ``persisted(type=...)``, declared to the runtime (3.x protocol).
            on_failure: failure policy.
            blocking: run a plain ``def`` in a thread.
            timeout: a timedelta or seconds after which an async or blocking function fails.
            internal: take messages from other functions only, as in ``@handles``.
            concurrency: maximum batches that run at once in a process; others wait. None: no limit.

        Raises:
            DefinitionError: it is declared wrongly; the error lists all problems.
        """

        def bound(function: _F) -> _F:
            self.register(
                typename,
                function,
                states=states,
                on_failure=on_failure,
                blocking=blocking,
                timeout=timeout,
                internal=internal,
                concurrency=concurrency,
            )
            return function

        return bound

    def register(
        self,
        typename: str,
        function: Callable[..., object],
        *,
        states: Mapping[str, object] | None = None,
        on_failure: FailurePolicy | None = None,
        blocking: bool = False,
        timeout: timedelta | float | None = None,
        internal: bool | None = None,
        concurrency: int | None = None,
    ) -> None:
        """Serve *function* under *typename*; see :meth:`bind`."""
        options = HandlerOptions(on_failure=on_failure, blocking=blocking, timeout=timeout, internal=internal)
        type_options = TypeOptions(concurrency=concurrency)
        problems: list[str] = []
        if typename in self._functions:
            problems.append(f"{typename!r} is bound already; a function type has one function")

        def fields(problems: list[str]) -> dict[str, Field]:
            return declared_fields(states or {}, problems)

        bound = self._bound_class(typename, function, fields, options, type_options, problems, own=self._own)
        self._functions[typename] = bound

    @property
    def _bound_class(self) -> type[BoundFunction]:
        return BoundFunction

    @property
    def __function_types__(self) -> Callable[[], Iterable[BoundFunction]]:
        return self._functions.values

    def __repr__(self) -> str:
        return f"StatefulFunctions({', '.join(self._functions)})"
