"""``@answers``: marks a method that takes the answers to this entity's asks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import FunctionType as PythonFunction
from typing import Any, Final, TypedDict, TypeVar, Unpack, overload

import attrs

from statefun_actors.definition import (
    AnswerMethod,
    FailurePolicy,
    Handler,
    HandlerOptions,
    UnresolvedAnnotationError,
    is_async_function,
    is_generator_function,
    message_types,
    parameter_annotation,
    return_annotation,
)
from statefun_actors.errors import DefinitionError

_F = TypeVar("_F", bound=Callable[..., object])

MARK: Final = "__statefun_answers__"


@attrs.frozen
class AnswersMark:
    """The mark that the decorator sets on the method."""

    name: str | None
    options: HandlerOptions


class _AnswerOptions(TypedDict, total=False):
    name: str | None
    on_failure: FailurePolicy | None
    blocking: bool
    timeout: timedelta | float | None


@overload
def answers(method: _F, /) -> _F: ...
@overload
def answers(**options: Unpack[_AnswerOptions]) -> Callable[[_F], _F]: ...
def answers(
    method: Any = None,
    /,
    *,
    name: str | None = None,
    on_failure: FailurePolicy | None = None,
    blocking: bool = False,
    timeout: timedelta | float | None = None,
) -> Any:
    """Mark a method that takes answers, for ``then=`` of ``self.ask(...)`` and ``self.reply_address(...)``.

    ::

        class Shop(Entity, typename="demo/shop"):
            @handles
            def buy(self, cents: int) -> None:
                self.ask(Account.at("ada"), Deposit(cents=cents), then=self.paid)

            @answers
            def paid(self, answer: int | NoAnswer) -> str:  # the reply to the caller of buy
                return "no answer" if isinstance(answer, NoAnswer) else f"balance {answer}"

    The annotation of its parameter names the types that it takes, and includes ``NoAnswer``: the timeout, or a failure.
    A second parameter takes the value of ``keep=``. The value that it returns is the reply to the caller of the handler
    that asked.

    Args:
        method: the method, if the decorator has no options.
        name: name of the method in asks that are open; the old name, if the method is renamed.
        on_failure: policy for answers whose method fails, as of ``handles``.
        blocking: whether a plain ``def`` runs in a thread, so that other entities are handled meanwhile.
        timeout: time limit of an async or blocking method; by default the setting ``handler_timeout``.
    """
    mark = AnswersMark(name, HandlerOptions(on_failure=on_failure, blocking=blocking, timeout=timeout))
    return _marked(method, mark) if method is not None else lambda found: _marked(found, mark)


def _marked(method: Any, mark: AnswersMark) -> Any:
    if not isinstance(method, PythonFunction):
        raise DefinitionError("@answers", [f"expected a method, got a {type(method).__name__}"])
    setattr(method, MARK, mark)
    return method


@attrs.frozen
class AnswerClaim:
    """A method marked with ``@answers``: the types of its answers, of its kept value, and of its return value."""

    mark: AnswersMark
    types: tuple[object, ...]
    keep: object | None
    returns: object


def read_answers(cls: type, local: Mapping[str, object], problems: list[str]) -> dict[str, AnswerClaim]:
    """The marked methods in the body of *cls*; their problems are appended to *problems*."""
    claims = {}
    for name, item in vars(cls).items():
        mark = getattr(item, MARK, None)
        if isinstance(mark, AnswersMark) and isinstance(item, PythonFunction):
            found: list[str] = []
            claim = _claim(name, item, mark, local, found)
            problems += [f"{name}: {problem}" for problem in found]
            if claim is not None and not found:
                claims[name] = claim
    return claims


def _claim(
    name: str, method: PythonFunction, mark: AnswersMark, local: Mapping[str, object], problems: list[str]
) -> AnswerClaim | None:
    parameters = list(inspect.signature(method).parameters.values())
    if len(parameters) not in {2, 3} or any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters):
        problems.append(
            f"it takes the answer and, at most, the kept value: `def {name}(self, answer: Reply | NoAnswer, kept: str)`"
        )
        return None
    if is_generator_function(method):
        problems.append("it can't yield; return the reply")
        return None
    annotations: list[object] = []
    for index in range(1, len(parameters)):
        try:
            annotations.append(parameter_annotation(method, index, local))
        except UnresolvedAnnotationError as error:
            problems.append(f"{error}; import or define it above the class")
            return None
    if inspect.Parameter.empty in annotations:
        problems.append(f"annotate its parameters: `def {name}(self, answer: Reply | NoAnswer, kept: str)`")
        return None
    try:
        returns = return_annotation(method, local)
    except UnresolvedAnnotationError:
        returns = inspect.Parameter.empty  # may exist only for type checkers
    return AnswerClaim(mark, message_types(annotations[0]), annotations[1] if len(annotations) > 1 else None, returns)


def answer_methods(cls: type, problems: list[str]) -> dict[str, AnswerMethod]:
    """The methods of *cls* and its bases that take answers, by their names in stored asks."""
    claims: dict[str, tuple[type, AnswerClaim]] = {}
    for base in reversed(cls.__mro__):
        declared = base.__dict__.get("__declared__")
        own = read_answers(base, {}, problems) if declared is None else declared.answers
        claims |= {name: (base, claim) for name, claim in own.items()}
    found: dict[str, AnswerMethod] = {}
    for name, (base, claim) in claims.items():
        method = inspect.getattr_static(cls, name)
        if not isinstance(method, PythonFunction):
            problems.append(f"{name} takes answers in {base.__name__}; a {type(method).__name__} can't override it")
            continue
        is_async = is_async_function(method)
        problems += [f"{name}: {problem}" for problem in claim.mark.options.problems(is_async=is_async)]
        function = method if claim.keep is None else _with_kept(method)
        handler = Handler(f"{cls.__name__}.{name}", function, is_async, claim.mark.options, returns=claim.returns)
        known_as = claim.mark.name or name
        if known_as in found:
            problems.append(
                f"{found[known_as].handler.name} and {handler.name} are both named {known_as!r} in open asks; "
                "give one of them another name="
            )
        found[known_as] = AnswerMethod(known_as, handler, claim.types, claim.keep, problems)
    return found


def _with_kept(method: PythonFunction) -> Callable[[Any, Any], object]:
    """*method*, callable with the pair of an answer and its kept value."""
    return lambda subject, pair: method(subject, *pair)
