"""One function as a function type: its declaration, checked, and its states."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any as Untyped
from typing import ClassVar, Final

from google.protobuf.any_pb2 import Any

from statefun_actors.definition import (
    AnswerMethod,
    DeadLetter,
    Discard,
    Field,
    Handler,
    HandlerOptions,
    Persisted,
    Scope,
    TypeOptions,
    UnresolvedAnnotationError,
    bind_handlers,
    is_async_function,
    is_generator_function,
    is_text,
    make_field,
    message_types,
    parameter_annotation,
    python_function,
    typename_problem,
)
from statefun_actors.definition import persisted as declare
from statefun_actors.errors import DefinitionError
from statefun_actors.functions.context import Context
from statefun_actors.model import StateSpec
from statefun_actors.types import Codec


class DeclaredFunction:
    """One function as a function type, without its states: a subclass opens and settles them."""

    owns_tokens: ClassVar[bool] = False
    stop: ClassVar[None] = None
    isolate: ClassVar[None] = None
    was: ClassVar[Sequence[str]] = ()

    def __init__(
        self,
        typename: str,
        function: Callable[..., object],
        fields: Callable[[list[str]], dict[str, Field]],
        options: HandlerOptions,
        type_options: TypeOptions,
        problems: list[str],
        *,
        own: bool = False,
    ) -> None:
        """*fields* makes the fields of the states, and adds to the problems that it gets. *problems*: those found so
        far, which are reported together with the others.
        """
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
        self.fields = fields(problems)
        self.persisted = tuple(self.fields.values())
        self.states: tuple[StateSpec, ...] = tuple(field.spec for field in self.persisted)
        self.state_names = dict.fromkeys(spec.name for spec in self.states).keys()
        types = self.message_types(function, problems)
        is_async = is_async_function(function)
        if is_generator_function(function):
            problems.append("a function can't yield: nothing iterates over it; send messages instead")
        if is_async and options.blocking:
            problems.append("blocking=True is for plain `def`; an async function does not block")
        if problems:
            raise DefinitionError(f"function {self.name} ({typename})", problems)
        # Unlike a method's, a function's return value is not a reply.
        self.is_async = is_async
        handler = Handler(typename, self.called(function), is_async, options, replies=False)
        bound: tuple[dict[str, tuple[Handler, Codec]], Handler | None, list[str], list[str]]
        bound = bind_handlers([(handler, types)])
        self.handlers, self.any_handler, taken, wrong = bound
        if wrong:
            raise DefinitionError(f"function {self.name} ({typename})", wrong)
        self.taken = tuple(taken)
        self.on_failure = options.on_failure

    @property
    def known_types(self) -> Mapping[str, Codec]:
        """Codecs of further types by typename, for values that people write and read as JSON."""
        return {}

    def message_types(self, function: Callable[..., object], problems: list[str]) -> tuple[object, ...]:
        """The types of messages that *function* takes; what is wrong with its parameters is added to *problems*."""
        return _message_types(function, problems)

    def called(self, function: Callable[..., object]) -> Callable[..., object]:
        """The function of a subject and a message that is called for *function*."""
        return function


class BoundFunction(DeclaredFunction):
    """One function as a function type, whose first argument is a Context."""

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

    def calling(self, function: Callable[..., object]) -> BoundFunction:
        """It, calling *function*, whose parameters are the same; it must take messages of any type."""
        other = copy.copy(self)
        handler = copy.copy(self.any_handler)
        assert handler is not None
        handler.function = function
        other.any_handler = handler
        return other


_STATE_HINT: Final = 'states={"count": int, "cart": persisted(type=Cart)}'


def declared_fields(states: Mapping[str, object], problems: list[str]) -> dict[str, Field]:
    """The fields of ``states=``; what is wrong with it is added to *problems*."""
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
    plain, offset = python_function(function)
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
