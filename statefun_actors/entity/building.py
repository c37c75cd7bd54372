"""Builds an entity class from its own declarations and those of its bases."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from types import FunctionType as PythonFunction
from types import MemberDescriptorType
from typing import Any as Untyped
from typing import Final

import attrs

from statefun_actors.definition import (
    ENTITY_OF_HANDLER,
    FailurePolicy,
    Field,
    Handler,
    Persisted,
    TypeOptions,
    bind_handlers,
    class_annotations,
    is_async_function,
    make_field,
    message_types,
    policy_problem,
    typename_problem,
)
from statefun_actors.entity.addresses import address_type
from statefun_actors.entity.answers import answer_methods
from statefun_actors.entity.declared import Claim, method_problems, read_claims
from statefun_actors.entity.entity_function import EntityFunction
from statefun_actors.entity.field import EntityField, Methods
from statefun_actors.entity.slots import RefreshingSlot, apply_attrs, take_slot
from statefun_actors.errors import DefinitionError
from statefun_actors.types import JSON_TYPENAME, Codec, substituted, type_arguments, type_variable

_ANNOTATIONS: Final = "__annotate__" if sys.version_info >= (3, 14) else "__annotations__"


@attrs.frozen
class _Declaration:
    owner: type
    declaration: Persisted
    annotation: object

    def expiring(self, after_call: timedelta) -> _Declaration:
        """A copy that expires *after_call*, unless it has an expiry."""
        return attrs.evolve(self, declaration=self.declaration.expiring(after_call))


def inherited_fields(bases: Iterable[type]) -> Iterator[str]:
    """The names of the fields of *bases*."""
    for base in bases:
        for cls in base.__mro__:
            if (declared := cls.__dict__.get("__declared__")) is not None:
                yield from declared.fields


def build(
    cls: Untyped,
    typename: str | None,
    on_failure: FailurePolicy | None,
    options: TypeOptions,
    problems: list[str],
    was: str | Iterable[str] = (),
) -> None:
    """Make *cls* an entity class; without a *typename*, an abstract one.

    Raises:
        DefinitionError: with *problems* and all problems found here.
    """
    wrong = options.problems()
    problems += wrong
    for base in cls.__mro__[1:]:
        options = options.inherited(base.__dict__.get("__type_options__", TypeOptions()))
    declarations = _declarations(cls, problems)
    if options.expire_after_call is not None and not wrong:
        declarations = {name: found.expiring(options.expire_after_call) for name, found in declarations.items()}
    fields = _fields(cls, declarations, problems, concrete=typename is not None)
    handlers, any_handler, taken, wrong = bind_handlers(_handlers(cls, problems, concrete=typename is not None))
    problems += wrong
    answers = answer_methods(cls, problems)
    problems += _shared_names(fields, handlers)
    if (problem := policy_problem(on_failure)) is not None:
        problems.append(problem)
    former = _former_names(typename, was, problems)
    if typename is not None:
        if (problem := typename_problem(typename)) is not None:
            problems.append(problem)
        if missing := sorted(cls.__abstractmethods__):
            problems.append(f"it has abstract methods: {', '.join(missing)}; define them, or remove the typename")
    if problems:
        raise DefinitionError(f"class {cls.__name__}", list(dict.fromkeys(problems)))
    if on_failure is None:
        on_failure = next((policy for base in cls.__mro__ if (policy := base.__dict__.get("__on_failure__"))), None)
    cls.__on_failure__ = on_failure
    cls.__type_options__ = options
    cls.__abstract_entity__ = typename is None
    cls.__function_type__ = cls.__address_type__ = None
    if typename is None:
        return
    slots = [EntityField(field, take_slot(cls, field)) for field in fields]
    methods = Methods(handlers, any_handler, taken, answers)
    cls.__function_type__ = EntityFunction(cls, typename, slots, methods, on_failure, options, former)
    cls.__address_type__ = address_type(cls.__function_type__)
    own = class_annotations(cls)
    apply_attrs(cls, fields, {name: found.annotation for name, found in declarations.items() if name not in own})


def _former_names(typename: str | None, was: object, problems: list[str]) -> tuple[str, ...]:
    names: tuple[object, ...]
    names = (was,) if isinstance(was, str) else tuple(was) if isinstance(was, Iterable) else (was,)
    if names and typename is None:
        problems.append("was= is for a class with a typename; give it one, or move was= to the classes derived from it")
    for name in names:
        if (problem := typename_problem(name)) is not None:
            problems.append(problem.replace("typename=", "was="))
        elif name == typename:
            problems.append(f"was={name!r} is the class's own typename; name a former one")
    if len(set(map(str, names))) < len(names):
        problems.append("was= repeats a function type; name each once")
    return tuple(map(str, names))


def _declarations(cls: type, problems: list[str]) -> dict[str, _Declaration]:
    found: dict[str, _Declaration] = {}
    arguments = type_arguments(cls, ())
    for base in reversed(cls.__mro__):
        if (declared := base.__dict__.get("__declared__")) is not None:
            for name, (declaration, annotation) in declared.fields.items():
                found[name] = _Declaration(base, declaration, substituted(annotation, arguments))
    for name, field in list(found.items()):
        for base in cls.__mro__:
            item = base.__dict__.get(name)
            if item is None or isinstance(item, MemberDescriptorType | RefreshingSlot):
                continue
            # A field may replace a property of a base of its own class; anything else would be lost.
            if base is field.owner or not issubclass(field.owner, base):
                problems.append(
                    f"{name} is a field of {field.owner.__name__}, and {base.__name__} has something else of that "
                    "name; choose another name for one of them"
                )
                del found[name]
                break
    return found


def _fields(cls: type, declarations: dict[str, _Declaration], problems: list[str], *, concrete: bool) -> list[Field]:
    fields: list[Field] = []
    by_state: dict[str, str] = {}
    for name, found in declarations.items():
        if (variable := type_variable(found.annotation)) is not None:
            if concrete:
                problems.append(f"{name}: {_open(cls, variable)}")
            continue
        field, wrong = make_field(name, found.annotation, found.declaration)
        problems += [f"{name}: {problem}" for problem in wrong]
        if field is None:
            continue
        if (other := by_state.setdefault(field.state_name, name)) != name:
            problems.append(f"{other} and {name} are both stored as {field.state_name!r}; rename one of the two")
        fields.append(field)
    return fields


def _open(cls: type, variable: object) -> str:
    """The advice for a free type *variable* of the concrete class *cls*."""
    generic: Untyped = next(base for base in cls.__mro__ if getattr(base, "__parameters__", ()))
    written = f"{generic.__name__}[{', '.join('int' for _ in generic.__parameters__)}]"
    name = getattr(variable, "__name__", variable)
    if generic is cls:
        return (
            f"{name} is a free type variable; "
            f"remove the typename, and derive a class with one from `{written}`, for example"
        )
    return f"{name} is a free type variable; derive the class from `{written}`, for example"


def _handlers(cls: type, problems: list[str], *, concrete: bool) -> list[tuple[Handler, tuple[object, ...]]]:
    """The handlers of *cls* and their types: for a name, the nearest mark and the method that Python finds."""
    claims: dict[str, tuple[type, Claim]] = {}
    for base in reversed(cls.__mro__):
        declared = base.__dict__.get("__declared__")
        own = read_claims(base, {}, problems) if declared is None else declared.claims
        claims |= {name: (base, claim) for name, claim in own.items()}
    handlers = []
    arguments = type_arguments(cls, ())
    for name, (base, claim) in claims.items():
        method = inspect.getattr_static(cls, name)
        if not isinstance(method, PythonFunction):
            problems.append(f"{name} is a handler of {base.__name__}; a {type(method).__name__} can't override it")
            continue
        is_async = is_async_function(method)
        wrong = method_problems(name, method) if name not in base.__dict__ or method is not base.__dict__[name] else []
        wrong += [f"{name}: {problem}" for problem in claim.mark.options.problems(is_async=is_async)]
        types = tuple(part for each in claim.types for part in message_types(substituted(each, arguments)))
        variables = [variable for each in types if (variable := type_variable(each)) is not None]
        if variables and concrete:
            wrong.append(f"{name}: {_open(cls, variables[0])}")
        problems += wrong
        if not wrong and not variables:
            own = _own(cls, name, method) if concrete else method
            if own is not method or name in cls.__dict__:
                setattr(own, ENTITY_OF_HANDLER, cls)
            handler = Handler(f"{cls.__name__}.{name}", own, is_async, claim.mark.options, returns=claim.returns)
            handlers.append((handler, types))
    return handlers


def _own(cls: type, name: str, method: PythonFunction) -> PythonFunction:
    """*method* of *cls* itself; of an inherited one a copy, so that ``Account.deposit`` says Account."""
    if name in cls.__dict__:
        return method
    own: Untyped = PythonFunction(method.__code__, method.__globals__, name, method.__defaults__, method.__closure__)
    for attribute in ("__kwdefaults__", "__doc__", "__module__", "__qualname__", "__type_params__", _ANNOTATIONS):
        if hasattr(method, attribute):
            setattr(own, attribute, getattr(method, attribute))
    own.__dict__.update(method.__dict__)
    setattr(cls, name, own)
    return own  # type: ignore[no-any-return]


def _shared_names(fields: Iterable[Field], handlers: Mapping[str, tuple[Handler, Codec]]) -> Iterator[str]:
    """Problems of two classes with one typename, one in a field, the other in a handler."""
    for field in fields:
        handler, codec = handlers.get(field.typename, (None, field.codec))
        if handler is not None and codec is not field.codec.in_messages and field.typename != JSON_TYPENAME:
            yield (
                f"{field.name} holds {field.codec.spelling.strip('`')} and {handler.name} takes another class, "
                f"both named {field.typename}; give one of them another name"
            )
