"""``self.ask(...)``, ``reply_address``, ``send_every`` and ``cancel_every``: their checks and their orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any as Untyped
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import (
    REPLY,
    SCHEDULE,
    Cease,
    Open,
    Recurrence,
    Repeat,
    Run,
    address_of,
    run_id,
    schedule_id,
)
from statefun_actors.definition import AnswerMethod, Callee, Scope, check_relayed, timeout_ms
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import TypedValue
from statefun_actors.types import pack

NOT_GIVEN: Final[Untyped] = object()
"""The default of a keyword; None is a value that can be kept."""
DEFAULT_TIMEOUT: Final = timedelta(seconds=60)
_DEFAULT_MS: Final = timeout_ms(DEFAULT_TIMEOUT)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


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
    ms = _DEFAULT_MS if timeout is DEFAULT_TIMEOUT else timeout_ms(timeout)
    run = False
    if isinstance(target, Callee):
        run = True
        method.check_takes_answer_of(target)
        target = target.at(scope.host.token())
    asked = None
    if target is not None:
        value = pack(question)
        check_relayed(target, value)
        asked = (value.typename, value.value)
    keeping = None if kept is None else (kept.typename, kept.value)
    opening = Open(scope.target, method.name, keeping, scope.caller, ms, _now_ms(scope), target, asked, run)
    address = address_of((REPLY, scope.host.token()))
    if run and scope.host.repeats:
        # A repetition of this message would ask with another random key, so the reply function chooses it.
        scope.order(Address(REPLY, run_id(opening)), Run(address.id, opening))
    else:
        scope.order(address, opening, drawn=True)
    return address


def send_every(scope: Scope, recurrence: Recurrence, target: Address, message: object, name: str) -> None:
    """Start a recurring message. Raises as :meth:`Entity.send_every` does."""
    value = pack(message)
    check_relayed(target, value)
    content = Repeat(scope.target, name, recurrence, target, (value.typename, value.value), _now_ms(scope))
    scope.order(Address(SCHEDULE, schedule_id(scope.target, name)), content)


def cancel_every(scope: Scope, name: str) -> None:
    """End the recurring message *name* of the entity."""
    scope.order(Address(SCHEDULE, schedule_id(scope.target, name)), Cease())


def _now_ms(scope: Scope) -> int:
    return (scope.now - _EPOCH) // _MILLISECOND


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


def checked_name(name: object) -> str:
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
