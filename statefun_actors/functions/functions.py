"""``StatefulFunctions``: a set of functions by their function types."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import FunctionType as PythonFunction
from typing import Any as Untyped
from typing import ClassVar, Final, TypeVar

from google.protobuf.any_pb2 import Any

from statefun_actors.definition import (
    AnswerMethod,
    DeadLetter,
    Discard,
    FailurePolicy,
    Field,
    Handler,
    HandlerOptions,
    Persisted,
    Scope,
    TypeOptions,
    UnresolvedAnnotationError,
    bind_handlers,
    is_text,
    make_field,
    message_types,
    parameter_annotation,
    typename_problem,
)
from statefun_actors.definition import persisted as declare
from statefun_actors.errors import DefinitionError
from statefun_actors.functions.context import Context
from statefun_actors.model import StateSpec
from statefun_actors.types import Codec

_F = TypeVar("_F", bound=Callable[..., object])


class StatefulFunctions:
    """A set of stateful functions.

    ::

    functions = StatefulFunctions()

    @functions.bind("example/hello")
    def hello(context: Context, message: User | Admin) -> None: ...
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
        bound = BoundFunction(typename, function, states or {}, options, type_options, problems, own=self._own)
        self._functions[typename] = bound

    @property
    def __function_types__(self) -> Callable[[], Iterable[BoundFunction]]:
        return self._functions.values

    def __repr__(self) -> str:
        return f"StatefulFunctions({', '.join(self._functions)})"


class BoundFunction:
    """One function as a function type."""

    owns_tokens: ClassVar[bool] = False
    isolate: ClassVar[None] = None
    was: ClassVar[Sequence[str]] = ()

    def __init__(
        self,
        typename: str,
        function: Callable[..., object],
        states: Mapping[str, object],
        options: HandlerOptions,
        type_options: TypeOptions,
        problems: list[str],
        *,
        own: bool = False,
    ) -> None:
        self.typename = typename
        self.function = function
        self.answers: Mapping[str, AnswerMethod] = {}
        self.name = getattr(function, "__qualname__", repr(function))
        if not own and (problem := typename_problem(typename)) is not None:
            problems.append(problem)
        problems += options.problems()
        problems += type_options.problems()
        self.options = type_options
        if options.on_failure is not None and not isinstance(options.on_failure, DeadLetter | Discard):
            options = HandlerOptions(blocking=options.blocking)
        self.fields = _fields(states, problems)
        self.persisted = tuple(self.fields.values())
        self.states: tuple[StateSpec, ...] = tuple(field.spec for field in self.persisted)
        self.state_names = frozenset(spec.name for spec in self.states)
        types = _message_types(function, problems)
        # The function itself, the function wrapped by a decorator, and the method of a callable object.
        forms = (function, inspect.unwrap(function), getattr(function, "__call__", None))  # noqa: B004 - it is wanted
        is_async = any(inspect.iscoroutinefunction(form) for form in forms)
        if any(inspect.isgeneratorfunction(form) or inspect.isasyncgenfunction(form) for form in forms):
            problems.append("a function can't yield: nothing iterates over it; send messages instead")
        if is_async and options.blocking:
            problems.append("blocking=True is for plain `def`; an async function does not block")
        if problems:
            raise DefinitionError(f"function {self.name} ({typename})", problems)
        # Unlike a method's, a function's return value is not a reply.
        handler = Handler(typename, function, is_async, options, replies=False)
        bound: tuple[dict[str, tuple[Handler, Codec]], Handler | None, list[str], list[str]]
        bound = bind_handlers([(handler, types)])
        self.handlers, self.any_handler, taken, wrong = bound
        if wrong:
            raise DefinitionError(f"function {self.name} ({typename})", wrong)
        self.taken = tuple(taken)
        self.on_failure = options.on_failure

    def open(self, scope: Scope) -> Context:
        return Context(scope, self.typename, self.fields)

    def settle(self, subject: Context, scope: Scope) -> None:
        staged = subject._staged  # noqa: SLF001 - context of this room
        if staged:
            for name, stored in staged.items():
                field = self.fields.get(name)
                scope.changes[name if field is None else field.state_name] = stored
            staged.clear()

    def abandon(self, subject: Context) -> None:
        subject._scope = None  # noqa: SLF001 - context of this room


_STATE_HINT: Final = 'states={"count": int, "cart": persisted(type=Cart)}'


def _fields(states: Mapping[str, object], problems: list[str]) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    if not isinstance(states, Mapping):
        problems.append(f"states= maps names to types, such as {_STATE_HINT}; got {states!r}")
        return fields
    seen: dict[str, str] = {}
    for name, declared in states.items():
        if not is_text(name):
            problems.append(f"the name of a state is a non-empty string that UTF-8 can encode, got {name!r}")
            continue
        declaration = declared if isinstance(declared, Persisted) else declare(type=declared)
        annotation = declaration.type
        if not isinstance(declared, Persisted):
            annotation = declared
        elif declaration.has_default or not declaration.has_type:
            problems.append(f"{name}: a function's state needs a type and is None while absent: persisted(type=...)")
            continue
        # An absent state is None, so the field is optional.
        field, wrong = make_field(name, annotation, declaration, optional=True)
        problems += [f"{name}: {problem}" for problem in wrong]
        if field is not None:
            if (other := seen.setdefault(field.state_name, name)) != name:
                problems.append(f"{other} and {name} are both stored as {field.state_name!r}; rename one of the two")
            fields[name] = field
    return fields


def _message_types(function: Callable[..., object], problems: list[str]) -> tuple[object, ...]:
    if not callable(function):
        problems.append(f"expected a function of a context and a message, got {function!r}")
        return (Any,)
    plain, offset = _plain(function)
    try:
        positional = [
            parameter
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.VAR_POSITIONAL)
        ]
    except (TypeError, ValueError):
        return (Any,)
    required = [p for p in positional if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in positional)
    if len(required) > 2 or (len(positional) < 2 and not variadic):
        problems.append("a stateful function takes two parameters: `def greet(context, message)`")
        return (Any,)
    if plain is None:
        return (Any,)
    try:
        annotation = parameter_annotation(plain, 1 + offset, {})
    except IndexError:
        return (Any,)
    except UnresolvedAnnotationError as error:
        problems.append(f"{error}; import or define it above the function")
        return (Any,)
    if annotation in (inspect.Parameter.empty, object, Untyped):
        return (Any,)
    return message_types(annotation)


def _plain(function: Callable[..., object]) -> tuple[PythonFunction | None, int]:
    """The innermost Python function, and the number of its parameters that are bound already."""
    function = inspect.unwrap(function)
    if inspect.ismethod(function):
        return function.__func__, 1  # type: ignore[return-value]
    if isinstance(function, PythonFunction):
        return function, 0
    call = type(function).__call__
    return (call, 1) if isinstance(call, PythonFunction) else (None, 0)
