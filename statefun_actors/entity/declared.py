"""The fields and handlers of one class body, with their annotations evaluated."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from types import FunctionType as PythonFunction
from types import MemberDescriptorType
from typing import Any as Untyped
from typing import ClassVar, Final, TypeVar, get_origin

import attrs
from google.protobuf.message import Message

from statefun_actors.definition import (
    Persisted,
    UnresolvedAnnotationError,
    class_annotations,
    message_problem,
    message_types,
    parameter_annotation,
    resolve,
    return_annotation,
)
from statefun_actors.entity.answers import MARK as ANSWERS_MARK
from statefun_actors.entity.answers import AnswerClaim, read_answers
from statefun_actors.entity.handles import MARK, HandlerMark
from statefun_actors.entity.reserved_names import ENTITY_NAMES, hides

_CLASS_VAR: Final = re.compile(r"\bClassVar\b")
_NOT_TYPES: Final = (
    PythonFunction, MemberDescriptorType, property, classmethod, staticmethod, functools.cached_property, Persisted,
)  # fmt: skip


@attrs.frozen
class Claim:
    """A method marked as a handler: the types of its mark and its annotation, and its return annotation."""

    mark: HandlerMark
    types: tuple[object, ...]
    returns: object = inspect.Parameter.empty


@attrs.frozen
class Declared:
    """The declarations of one class itself."""

    fields: Mapping[str, tuple[Persisted, object]]
    """Field → its declaration and its annotation."""
    claims: Mapping[str, Claim]
    """Method → its mark as a handler."""
    answers: Mapping[str, AnswerClaim]
    """Method → its mark as an answer method."""


def read_body(
    cls: type, declarations: Mapping[str, Persisted], around: Mapping[str, object], problems: list[str]
) -> Declared:
    """The declarations of *cls*; *declarations* were removed from its body, *around* is the enclosing name space.

    Problems are appended to *problems*.
    """
    own = {name: item for name, item in vars(cls).items() if not isinstance(item, _NOT_TYPES)}
    variables = {str(each): each for each in getattr(cls, "__type_params__", ())}  # of `class Shelf[T](Entity)`
    local = {**around, **variables, **own}
    names = _Names(vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}, local)
    return Declared(
        _fields(cls, declarations, names, problems),
        read_claims(cls, local, problems),
        read_answers(cls, local, problems),
    )


@attrs.frozen
class _Names:
    module: Mapping[str, object]
    local: Mapping[str, object]

    def resolve(self, annotation: object, where: str, problems: list[str]) -> object:
        try:
            return resolve(annotation, self.module, self.local)
        except UnresolvedAnnotationError as error:
            problems.append(f"{where}: {error}; import or define it above the class")
            return inspect.Parameter.empty


def _fields(
    cls: type, declarations: Mapping[str, Persisted], names: _Names, problems: list[str]
) -> dict[str, tuple[Persisted, object]]:
    annotations = class_annotations(cls)
    for name, raw in annotations.items():
        if name in declarations or (isinstance(raw, str) and _CLASS_VAR.search(raw)):
            continue
        if name in ENTITY_NAMES:
            problems.append(hides(name))
            continue
        annotation = names.resolve(raw, name, problems)
        if annotation is inspect.Parameter.empty or ClassVar in (annotation, get_origin(annotation)):
            continue
        problems.append(
            f"{name}: an annotated attribute is not a field; "
            f"write `{name}: ... = persisted(default=...)` to keep it, or ClassVar[...] to share it"
        )
    found: dict[str, tuple[Persisted, object]] = {}
    for name, declaration in declarations.items():
        if name in annotations:
            raw = annotations[name]
            # A field named like its own type (`date: date = …`) is its own annotation; make_field reports it.
            annotation = raw if isinstance(raw, Persisted) else names.resolve(raw, name, problems)
        elif declaration.has_type:
            annotation = declaration.type
        else:
            problems.append(f"{name}: a field needs a type: `{name}: <type> = persisted(...)`")
            continue
        if annotation is not inspect.Parameter.empty:
            found[name] = (declaration, annotation)
    return found


def read_claims(cls: type, local: Mapping[str, object], problems: list[str]) -> dict[str, Claim]:
    """The handlers marked in the body of *cls*."""
    claims = {}
    for name, item in vars(cls).items():
        mark = _mark(item)
        if mark is not None:
            found = list(_claim_problems(name, item, mark))
            types = () if found else _types(name, item, mark, local, found)
            problems += found
            if not found:
                claims[name] = Claim(mark, types, _returns(item, local))
    return claims


def _mark(item: object) -> HandlerMark | None:
    """The mark of *item*, or of the method wrapped by a @staticmethod, @classmethod or @property above @handles."""
    hidden = item.__func__ if isinstance(item, staticmethod | classmethod) else getattr(item, "fget", None)
    marks = (getattr(each, MARK, None) for each in (item, hidden))
    return next((mark for mark in marks if isinstance(mark, HandlerMark)), None)


def _claim_problems(name: str, item: object, mark: HandlerMark) -> list[str]:
    if not isinstance(item, PythonFunction):
        return [f"{name}: @handles marks a method, got a {type(item).__name__}"]
    if hasattr(item, ANSWERS_MARK):
        return [f"{name}: it has both @handles and @answers; write a method for each"]
    if mark.repeated:
        return [f"{name}: it has two @handles; write one with all types: @handles(A, B)"]
    return method_problems(name, item)


def method_problems(name: str, method: Callable[..., object]) -> list[str]:
    """The problems of *method* as a handler of any type."""
    inner = inspect.unwrap(method)
    found = []
    if any(inspect.isgeneratorfunction(f) or inspect.isasyncgenfunction(f) for f in (method, inner)):
        found.append(f"{name}: a handler can't yield; return the reply")
    if not _takes_one_message(method):
        found.append(f"{name}: a handler takes two parameters: `def {name}(self, message: ...)`")
    return found


def _takes_one_message(method: Callable[..., object]) -> bool:
    try:
        inspect.signature(method).bind(None, None)
    except TypeError:
        return False
    return True


def _types(
    name: str, method: PythonFunction, mark: HandlerMark, local: Mapping[str, object], problems: list[str]
) -> tuple[object, ...]:
    annotation: object = inspect.Parameter.empty
    try:
        annotation = parameter_annotation(method, 1, local)
    except IndexError:
        pass  # *args
    except UnresolvedAnnotationError as error:
        if not mark.types:
            problems.append(f"{name}: {error}; import or define it above the class")
            return ()
    hinted = () if annotation in (inspect.Parameter.empty, object, Untyped) else message_types(annotation)
    types = tuple(part for given in mark.types for part in message_types(given))
    if not types and not hinted:
        problems.append(f"{name}: it has no message type; write @handles(Type), or annotate `message: Type`")
    if types and hinted and (extra := [part for part in types if not any(_covers(hint, part) for hint in hinted)]):
        problems.append(f"{name}: @handles names {_names(extra)}, its annotation {_names(hinted)}; make them equal")
    problems += _reply_problems(name, _returns(method, local))
    return types or hinted


def _covers(hint: object, part: object) -> bool:
    """Whether a parameter annotated *hint* accepts a *part*: the same class, or a base of it."""
    if hint == part or isinstance(hint, TypeVar):
        return True
    if not (isinstance(hint, type) and isinstance(part, type)):
        return False
    try:
        return issubclass(part, hint)
    except TypeError:  # a Protocol, which only type checkers can compare
        return True


def _returns(method: Untyped, local: Mapping[str, object]) -> object:
    try:
        return return_annotation(method, local)
    except UnresolvedAnnotationError:
        return inspect.Parameter.empty  # may exist only for type checkers


def _reply_problems(name: str, returns: object) -> list[str]:
    """A return type that can't be sent is a problem."""
    found = []
    for part in message_types(returns):
        if isinstance(part, type) and attrs.has(part) and not issubclass(part, Message):
            problem = message_problem(part)
            found += [f"{name}: its reply can't be sent: {problem}"] if problem else []
    return found


def _names(types: object) -> str:
    return ", ".join(t.__name__ if isinstance(t, type) else str(t) for t in types)  # type: ignore[attr-defined]
