"""Checks of the arguments of ``self.ask(...)``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any as Untyped
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import LONGEST_MS
from statefun_actors.definition import AnswerMethod, Callee, Scope, delay_ms
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import TypedValue

NOT_GIVEN: Final[Untyped] = object()
"""The default of a keyword; None is a value that can be kept."""
DEFAULT_TIMEOUT: Final = timedelta(seconds=60)


def ask(
    scope: Scope,
    entity: Untyped,
    then: object,
    timeout: timedelta | float,
    keep: object,
    target: Address | Callee[Untyped, Untyped] | None,
    question: object,
) -> Address:
    """The reply address of an ask of *entity*. Raises as :meth:`Entity.ask` does."""
    method = _method(entity, then)
    kept: TypedValue | None = method.pack_keep(None if keep is NOT_GIVEN else keep, given=keep is not NOT_GIVEN)
    ms = delay_ms(timeout)
    if not 0 < ms <= LONGEST_MS:
        raise ValueMismatchError("a timeout= of more than zero and at most ten years", repr(timeout))
    if isinstance(target, Callee):
        target = target.at(scope.host.token())
    return scope.open_ask(method, kept, ms, target, question)


def _method(entity: Untyped, then: object) -> AnswerMethod:
    cls = type(entity)
    name = getattr(then, "__name__", None)
    bound = getattr(then, "__self__", None)
    method: AnswerMethod | None = cls.__function_type__.answer_names.get(name)
    if method is not None and (bound is entity or bound is None):
        return method
    if bound is not entity and hasattr(type(bound), "__function_type__"):
        raise ValueMismatchError(f"then=, a method of this entity, such as self.{name}", repr(then))
    shown = f"self.{name}" if bound is entity and name else repr(then)
    raise ValueMismatchError(f"then=, a method of {cls.__name__} that is decorated with @answers", shown)


def answer_method(cls: Untyped, then: object) -> AnswerMethod:
    """The answer method *then* of *cls*, such as ``Order.reserved``.

    Raises:
        ValueMismatchError: it is not one.
    """
    method: AnswerMethod | None = cls.__function_type__.answer_names.get(getattr(then, "__name__", None))
    if method is None or not any(vars(base).get(then.__name__) is then for base in cls.__mro__):  # type: ignore[attr-defined]
        raise ValueMismatchError(f"a method of {cls.__name__} that is decorated with @answers", repr(then))
    return method


def schedule_name(name: object) -> str:
    """Check the *name* of a recurring message. Raises ValueMismatchError: it is not a non-empty string of Unicode
    text.
    """
    if not isinstance(name, str) or not name:
        raise ValueMismatchError("name= as a non-empty string", repr(name))
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueMismatchError("name= that UTF-8 can encode", repr(name)) from None
    return name
