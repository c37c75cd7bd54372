"""``EntityMeta``: creates an entity class from a class statement, or raises one error with all its problems.

Python creates the class first, then it is checked, so that ``super()`` and ``__init_subclass__`` work as in any other
class.
"""

from __future__ import annotations

import abc
import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from statefun_actors.definition import FailurePolicy, Persisted, TypeOptions
from statefun_actors.entity.body import ClassBody, lost_in
from statefun_actors.entity.building import build, inherited_fields
from statefun_actors.entity.declared import Declared, read_body
from statefun_actors.entity.detached import detached_class
from statefun_actors.entity.reserved_names import body_problems, foreign_base_problems
from statefun_actors.entity.slots import has_slot
from statefun_actors.errors import DefinitionError


class EntityMeta(abc.ABCMeta):
    """The metaclass of entities. It derives from ABCMeta, so that abstract methods can be used, too."""

    __declared__: Declared
    """The fields and handlers that the class itself declares."""

    @classmethod
    def __prepare__(cls, _name: str, _bases: tuple[type, ...], /, **_options: object) -> ClassBody:
        return ClassBody()

    def __new__(  # noqa: PLR0913 - the keywords of a class statement
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        typename: str | None = None,
        on_failure: FailurePolicy | None = None,
        internal: bool | None = None,
        concurrency: int | None = None,
        expire_after_call: timedelta | None = None,
        was: str | Iterable[str] = (),
        **keywords: object,
    ) -> EntityMeta:
        if not any(isinstance(base, EntityMeta) for base in bases):
            return super().__new__(mcls, name, bases, namespace)  # Entity
        if "__attrs_attrs__" in namespace:  # attrs creates a second class from the finished one
            raise DefinitionError(f"class {name}", ["its fields are attrs fields already; remove the attrs decorator"])
        problems = list(body_problems(namespace))
        problems += lost_in(namespace)
        declarations = {key: item for key, item in namespace.items() if isinstance(item, Persisted)}
        body = {key: item for key, item in namespace.items() if key not in declarations}
        fields = (*inherited_fields(bases), *declarations) if typename is not None else ()
        body["__slots__"] = tuple(key for key in dict.fromkeys(fields) if not (key in body or has_slot(key, bases)))
        try:
            cls = super().__new__(mcls, name, bases, body, **keywords)
        except TypeError as error:
            _refuse(name, problems, error, keywords)
        # The name space around the class statement, for classes inside functions.
        around = sys._getframe(1).f_locals  # noqa: SLF001
        cls.__declared__ = read_body(cls, declarations, around, problems)
        entity = next(base for base in reversed(cls.__mro__) if isinstance(base, EntityMeta))
        problems += foreign_base_problems(cls, entity)
        options = TypeOptions(internal=internal, concurrency=concurrency, expire_after_call=expire_after_call)
        build(cls, typename, on_failure, options, problems, was)
        return cls

    if not TYPE_CHECKING:  # for type checkers the fields define the constructor

        def __call__(cls, /, *args: object, **kwargs: object) -> Any:
            """A detached instance."""
            if cls.__dict__.get("__function_type__") is None:
                raise DefinitionError(
                    f"{cls.__name__}(...)",
                    ["an abstract Entity can't have instances; give the class a typename='ns/name'"],
                )
            return type.__call__(detached_class(cls), *args, **kwargs)


def _refuse(name: str, problems: list[str], error: TypeError, keywords: Iterable[str]) -> NoReturn:
    if "lay-out conflict" in str(error):
        reason = "two of its bases have a typename, or slots of their own; derive it from one of them"
    elif "takes no keyword arguments" in str(error):
        unknown = ", ".join(f"{keyword}=" for keyword in keywords)
        takes = "typename=, on_failure=, internal=, concurrency=, expire_after_call= and was="
        reason = f"an Entity takes {takes}, not {unknown}"
    else:
        raise error
    raise DefinitionError(f"class {name}", [*problems, reason]) from error
