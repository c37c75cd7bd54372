"""From a class statement to an EntityFunction, or to one error with everything that is wrong.

The metaclass makes every field a slot, so that assigning what is not declared is refused by Python itself, at no cost.
Slots of two classes can't be combined, so abstract classes have none: their fields become slots of the concrete class
that inherits them, which is also what lets mixins with fields be mixed. attrs is applied to the finished class for its
``__init__``, ``__repr__`` and ``attrs.fields``.
"""

from __future__ import annotations

import abc
import inspect
import sys
from collections.abc import Mapping
from types import FunctionType as PythonFunction
from typing import Any as Untyped
from typing import ClassVar, Final, get_origin

import attrs

from statefun_actors.definition import (
    DeadLetter,
    Discard,
    FailurePolicy,
    Field,
    Handler,
    Persisted,
    UnresolvedAnnotationError,
    bind_handlers,
    class_annotations,
    make_field,
    message_types,
    parameter_annotation,
    resolve,
)
from statefun_actors.entity.function import EntityField, EntityFunction
from statefun_actors.entity.handles import MARK, HandlerMark
from statefun_actors.errors import DefinitionError, InvalidAddressError, UndeclaredAttributeError, UnhandledMessageError
from statefun_actors.model import RESERVED_NAMESPACES, Address, TypedValue, check_typename

ENTITY_NAMES: Final = frozenset(
    {"address", "at", "caller", "cancel", "clear", "id", "now", "reply", "send", "send_after", "send_egress"}
)
_ENGINE_NAMES: Final = frozenset(
    {"__init__", "__new__", "__slots__", "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__dict__"}
)


class EntityMeta(abc.ABCMeta):
    """Makes Entity classes. ABCMeta underneath, so that abstract methods can be shared too."""

    __persisted__: Mapping[str, tuple[Persisted, object]]
    """The fields that the class itself declares."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Untyped],
        *,
        typename: str | None = None,
        on_failure: FailurePolicy | None = None,
        _plain: bool = False,
    ) -> EntityMeta:
        if _plain or not any(isinstance(base, EntityMeta) for base in bases):
            return super().__new__(mcls, name, bases, namespace)
        problems = _name_problems(namespace, bases)
        declared = {key: item for key, item in namespace.items() if isinstance(item, Persisted)}
        for key in declared:
            del namespace[key]
        inherited = _inherited(bases)
        slots = () if typename is None else tuple(key for key in {**inherited, **declared} if not _has_slot(key, bases))
        namespace["__slots__"] = slots
        try:
            cls = super().__new__(mcls, name, bases, namespace)
        except TypeError as error:
            problems.append(f"Python can't combine its bases ({error}); only one of them may have a typename")
            raise DefinitionError(f"class {name}", problems) from error
        cls.__persisted__ = {}
        around = sys._getframe(1)  # noqa: SLF001 - where the class statement stands, for classes inside functions
        local = {**around.f_locals, **vars(cls)}
        builder = _Builder(cls, declared, local, problems)
        builder.build(typename, on_failure)
        return cls

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Untyped], **_: object) -> None:
        super().__init__(name, bases, namespace)

    def __call__(cls, *args: object, **kwargs: object) -> Untyped:
        """A detached instance, of a class that explains itself when an undeclared attribute is assigned."""
        strict = cls.__dict__.get("__detached__")
        if strict is None:
            if cls.__dict__.get("__function_type__") is None:
                raise DefinitionError(
                    f"{cls.__name__}(...)", ['an abstract Entity has no instances; give the class a typename="ns/name"']
                )
            namespace = {"__slots__": (), "__setattr__": _strict_setattr, "__module__": cls.__module__}
            strict = type(cls)(cls.__name__, (cls,), namespace, _plain=True)
            strict.__qualname__ = cls.__qualname__
            type.__setattr__(cls, "__detached__", strict)
        return type.__call__(strict, *args, **kwargs)


def _strict_setattr(self: Untyped, name: str, value: object) -> None:
    try:
        object.__setattr__(self, name, value)
    except AttributeError:
        function = type(self).__function_type__
        if name in ENTITY_NAMES:
            raise
        raise UndeclaredAttributeError(function.name, name, tuple(function.by_name)) from None


def _name_problems(namespace: Mapping[str, object], bases: tuple[type, ...]) -> list[str]:
    problems = [f"{key!r} hides what every Entity has; choose another name" for key in namespace if key in ENTITY_NAMES]
    problems += [
        f"{key} is the engine's: an entity is made by it. Give fields their defaults in persisted(...)"
        for key in namespace
        if key in _ENGINE_NAMES
    ]
    problems += [
        f"the field {key!r} begins with _; choose a name without"
        for key, item in namespace.items()
        if isinstance(item, Persisted) and key.startswith("_")
    ]
    for base in bases:
        if not isinstance(base, EntityMeta) and getattr(base, "__dictoffset__", 0):
            problems.append(
                f"the base {base.__name__} lets any attribute be assigned, to be lost silently; "
                "derive it from Entity (without a typename), or give it `__slots__ = ()`"
            )
    return problems


def _inherited(bases: tuple[type, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for base in reversed(bases):
        for cls in reversed(base.__mro__):
            found.update(cls.__dict__.get("__persisted__", {}))
    return found


def _has_slot(name: str, bases: tuple[type, ...]) -> bool:
    return any(name in cls.__dict__.get("__slots__", ()) for base in bases for cls in base.__mro__)


class _Builder:
    """Takes one class apart, noting every problem on the way."""

    def __init__(
        self, cls: EntityMeta, declared: dict[str, Persisted], local: Mapping[str, object], problems: list[str]
    ) -> None:
        self.cls, self.declared, self.local, self.problems = cls, declared, local, problems
        self.globals = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}

    def build(self, typename: str | None, on_failure: FailurePolicy | None) -> None:
        cls = self.cls
        own = self._own_fields()
        cls.__persisted__ = own
        fields = self._fields()
        claims = self._claims()
        handlers, any_handler, taken, problems = bind_handlers(claims)
        self.problems += problems
        if on_failure is not None and not isinstance(on_failure, DeadLetter | Discard):
            self.problems.append(f"on_failure= is DeadLetter(...) or Discard(...), got {on_failure!r}")
        if typename is None:
            self._finish_abstract(on_failure)
            return
        self._check_typename(typename)
        if missing := sorted(getattr(cls, "__abstractmethods__", ())):
            self.problems.append(f"abstract methods are left: {', '.join(missing)}; define them, or drop the typename")
        self._raise_if_any()
        if on_failure is None:
            on_failure = next((policy for base in cls.__mro__ if (policy := base.__dict__.get("__on_failure__"))), None)
        type.__setattr__(cls, "__on_failure__", on_failure)
        entity_fields = [EntityField(field, _slot(cls, field)) for field in fields]
        function = EntityFunction(cls, typename, entity_fields, handlers, any_handler, taken, on_failure)
        type.__setattr__(cls, "__abstract_entity__", False)
        type.__setattr__(cls, "__function_type__", function)
        type.__setattr__(cls, "__address_type__", _address_type(typename, function))
        _apply_attrs(cls, fields)

    def _finish_abstract(self, on_failure: FailurePolicy | None) -> None:
        self._raise_if_any()
        type.__setattr__(self.cls, "__abstract_entity__", True)
        type.__setattr__(self.cls, "__on_failure__", on_failure)
        type.__setattr__(self.cls, "__function_type__", None)
        type.__setattr__(self.cls, "__address_type__", None)

    def _raise_if_any(self) -> None:
        if self.problems:
            raise DefinitionError(f"class {self.cls.__name__}", list(dict.fromkeys(self.problems))) from None

    def _check_typename(self, typename: object) -> None:
        try:
            namespace = check_typename(typename, "typename= is <namespace>/<name>").rpartition("/")[0]
        except InvalidAddressError as error:
            self.problems.append(str(error))
            return
        if namespace in RESERVED_NAMESPACES or namespace.startswith("io.statefun."):
            self.problems.append(f"typename={typename!r}: the namespace {namespace!r} is reserved; choose your own")

    def _resolve(self, annotation: object, where: str) -> object:
        try:
            return resolve(annotation, self.globals, self.local)
        except UnresolvedAnnotationError as error:
            self.problems.append(f"{where}: {error}; import or define it above the class")
            return inspect.Parameter.empty

    def _own_fields(self) -> dict[str, tuple[Persisted, object]]:
        annotations = class_annotations(self.cls)
        own: dict[str, tuple[Persisted, object]] = {}
        for name, raw in annotations.items():
            if name in self.declared:
                continue
            if name in ENTITY_NAMES:
                self.problems.append(f"{name!r} hides what every Entity has; choose another name")
                continue
            if isinstance(raw, str) and "ClassVar" in raw:
                continue
            annotation = self._resolve(raw, name)
            if annotation is inspect.Parameter.empty or annotation is ClassVar or get_origin(annotation) is ClassVar:
                continue
            self.problems.append(
                f"{name}: an annotated attribute is no field by itself; "
                f"write `{name}: ... = persisted(default=...)` to keep it, or ClassVar[...] to share it"
            )
        for name, declaration in self.declared.items():
            if name not in annotations:
                self.problems.append(f"{name}: a field needs its type: `{name}: <type> = persisted(...)`")
                continue
            annotation = self._resolve(annotations[name], name)
            if annotation is not inspect.Parameter.empty:
                own[name] = (declaration, annotation)
        return own

    def _fields(self) -> list[Field]:
        everything: dict[str, tuple[Persisted, object]] = {}
        for cls in reversed(self.cls.__mro__):
            everything.update(cls.__dict__.get("__persisted__", {}))
        fields: list[Field] = []
        by_state: dict[str, str] = {}
        for name, (declaration, annotation) in everything.items():
            if name not in self.declared and self._shadowed(name):
                self.problems.append(f"{name} is a field of a base class; choose another name for the method")
                continue
            field, problems = make_field(name, annotation, declaration)
            self.problems += [f"{name}: {problem}" for problem in problems]
            if field is None:
                continue
            if (other := by_state.setdefault(field.state_name, name)) != name:
                self.problems.append(
                    f"{other} and {name} are both stored as {field.state_name!r}; rename one of the two"
                )
            fields.append(field)
        return fields

    def _shadowed(self, name: str) -> bool:
        return name in self.cls.__dict__ and not inspect.ismemberdescriptor(self.cls.__dict__[name])

    def _claims(self) -> list[tuple[Handler, tuple[object, ...]]]:
        marks: dict[str, tuple[HandlerMark, type]] = {}
        for cls in reversed(self.cls.__mro__):
            for name, item in cls.__dict__.items():
                mark = getattr(item, MARK, None)
                if isinstance(mark, HandlerMark):
                    marks[name] = (mark, cls)
        claims = []
        for name, (mark, cls) in marks.items():
            method = getattr(self.cls, name)
            if not isinstance(method, PythonFunction):
                self.problems.append(f"{name}: @handles marks a method; got {type(method).__name__}")
                continue
            found = self._claim(name, method, mark, cls.__dict__[name])
            if found is not None:
                claims.append(found)
        return claims

    def _claim(
        self, name: str, method: PythonFunction, mark: HandlerMark, marked: PythonFunction
    ) -> tuple[Handler, tuple[object, ...]] | None:
        options = mark.options
        before = len(self.problems)
        self.problems += [f"{name}: {problem}" for problem in options.problems()]
        is_async = inspect.iscoroutinefunction(method)
        if is_async and options.blocking:
            self.problems.append(f"{name}: blocking=True is for plain `def`; an async handler is never blocking")
        if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
            self.problems.append(f"{name}: a handler returns its reply; it can't yield")
        try:
            annotation = parameter_annotation(marked, 1, self.local)
        except IndexError:
            self.problems.append(f"{name}: a handler takes two parameters: `def {name}(self, message: ...)`")
            return None
        except UnresolvedAnnotationError as error:
            if not mark.types:
                self.problems.append(f"{name}: {error}; import or define it above the class")
                return None
            annotation = inspect.Parameter.empty
        if not _takes_one_message(method):
            self.problems.append(f"{name}: a handler takes two parameters: `def {name}(self, message: ...)`")
        hinted = () if annotation in (inspect.Parameter.empty, object, Untyped) else message_types(annotation)
        types = tuple(part for given in mark.types for part in message_types(given))
        if not types and not hinted:
            self.problems.append(
                f"{name}: which messages does it take? Write @handles(Type), or annotate: `message: Type`"
            )
            return None
        if types and hinted and (extra := [part for part in types if part not in hinted]):
            self.problems.append(
                f"{name}: @handles names {_names(extra)}, its annotation says {_names(hinted)}; make them agree"
            )
        if len(self.problems) > before:
            return None
        return Handler(f"{self.cls.__name__}.{name}", method, is_async, options), types or hinted


def _takes_one_message(method: PythonFunction) -> bool:
    required = [
        parameter
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    return len(required) <= 2 and all(parameter.kind is not parameter.KEYWORD_ONLY for parameter in required)  # noqa: PLR2004


def _names(types: object) -> str:
    return ", ".join(t.__name__ if isinstance(t, type) else str(t) for t in types)  # type: ignore[attr-defined]


class _RefreshingSlot:
    """The slot of a field with expire_after_write: any assignment renews its time, even one of the same value."""

    __slots__ = ("name", "slot")

    def __init__(self, name: str, slot: Untyped) -> None:
        self.name, self.slot = name, slot

    def __get__(self, subject: object, owner: type | None = None) -> object:
        return self if subject is None else self.slot.__get__(subject, owner)

    def __set__(self, subject: Untyped, value: object) -> None:
        self.slot.__set__(subject, value)
        if (scope := subject.__scope__) is not None:  # noqa: SLF001 - an entity's own room
            scope.assigned.add(self.name)

    def __delete__(self, subject: object) -> None:
        self.slot.__delete__(subject)


def _slot(cls: type, field: Field) -> object:
    """The descriptor that reads and writes the field, past what may watch its assignment."""
    slot = next(base.__dict__[field.name] for base in cls.__mro__ if field.name in base.__dict__)
    inner = slot.slot if isinstance(slot, _RefreshingSlot) else slot
    if field.refresh_on_assignment:
        type.__setattr__(cls, field.name, _RefreshingSlot(field.name, inner))
    elif slot is not inner:
        type.__setattr__(cls, field.name, inner)
    return inner


def _apply_attrs(cls: type, fields: list[Field]) -> None:
    made = {}
    for field in fields:
        if field.factory is not None:
            made[field.name] = attrs.field(factory=field.factory, kw_only=True)
        else:
            made[field.name] = attrs.field(default=field.default, kw_only=True)
    own_repr = "__repr__" not in cls.__dict__
    own_eq = "__eq__" not in cls.__dict__
    attrs.define(cls, these=made, slots=False, init=True, repr=own_repr, eq=own_eq, unsafe_hash=None)


def _address_type(typename: str, function: EntityFunction) -> type[Address]:
    """Addresses of this class: equal to plain ones, but they know what the class takes."""
    taken, anything = function.handlers, function.any_handler is not None

    def check_takes(value: TypedValue) -> None:
        if value.typename not in taken and not anything:
            raise UnhandledMessageError(f"{function.name} ({typename})", function.taken, value.typename)

    return type(
        "Address",
        (Address,),
        {
            "__slots__": (),
            "__module__": Address.__module__,
            "typename_": typename,
            "check_takes": staticmethod(check_takes),
        },
    )
