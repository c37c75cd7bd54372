"""Activities: outside calls as durable steps.

An activity is a function type without state. Each ask runs it at an id of its own, the *key*: the same over all
attempts. Its function returns the answer. If it fails, the next attempt is a delayed message of the activity to
itself, which survives the end of the process; after the last attempt, the asker gets ``NoAnswer("failed")``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final, TypedDict, TypeVar, Unpack, overload
from weakref import WeakSet

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import attempt_token
from statefun_actors.conversations.rate import Rate, rate_problem
from statefun_actors.conversations.signature import like, signature_types, takes_key
from statefun_actors.definition import (
    Callee,
    Field,
    Handler,
    HandlerOptions,
    NotYetError,
    Scope,
    TimedAttempts,
    TypeOptions,
    bind_handlers,
    is_async_function,
    is_generator_function,
    message_types,
    typename_problem,
)
from statefun_actors.errors import DefinitionError
from statefun_actors.model import StateSpec
from statefun_actors.types import Codec, codec_for

_M = TypeVar("_M")
_R = TypeVar("_R")


class _ActivityOptions(TypedDict, total=False):
    attempts: int
    backoff: float
    timeout: timedelta | float
    concurrency: int | None
    internal: bool | None
    rate: str | None


_OPTIONS: Final = sorted(_ActivityOptions.__annotations__)


class Activity(Callee[_M, _R]):
    """An outside call that entities ask for: ``self.ask(charge, Charge(100), then=self.charged)``.

    Made by :func:`activity`, and served like a class. A call, ``charge(Charge(100), "key")``, calls the function
    directly, for tests.
    """

    def __init__(self, typename: str, function: Callable[..., Any], options: _ActivityOptions) -> None:
        self.typename, self.function, self._options = typename, function, options
        self.name: str = getattr(function, "__name__", typename)
        self._type = ActivityFunction(typename, function, options)
        self.returned = self._type.returned

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def at(self, key: str) -> Address:
        """The address of the run *key*.

        Raises:
            InvalidAddressError: *key* is not a non-empty string.
        """
        return Address(self.typename, key)

    def replaced(self, function: Callable[..., Any]) -> Activity[_M, _R]:
        """A copy of the activity that runs *function* instead: ``TestRuntime(Order, charge.replaced(fake))``.

        *function* takes the message, or the message and the key. Missing annotations are those of the original.
        """
        return Activity(self.typename, like(function, self.function), self._options)

    def replaced_by(self, factory: Callable[[], Callable[..., Any]]) -> ReplacedActivity:
        """As :meth:`replaced`, with a function that *factory* makes anew for each runtime.

        ::

            simulate(scenario, Order, charge.replaced_by(lambda: Bank().charge))

        So no state of a stand-in is left over from one run of ``simulate`` to the next.
        """
        return ReplacedActivity(self.typename, lambda: like(factory(), self.function), self._options)

    @property
    def __function_types__(self) -> Callable[[], Iterable[ActivityFunction]]:
        return lambda: (self._type,)

    def __repr__(self) -> str:
        return f"<activity {self.typename}>"


class ReplacedActivity:
    """An activity whose function *make* makes anew for each runtime."""

    def __init__(self, typename: str, make: Callable[[], Callable[..., Any]], options: _ActivityOptions) -> None:
        self._typename, self._make, self._options = typename, make, options

    @property
    def __function_types__(self) -> Callable[[], Iterable[ActivityFunction]]:
        return lambda: (ActivityFunction(self._typename, self._make(), self._options),)

    def __repr__(self) -> str:
        return f"<activity {self._typename}, replaced>"


class ActivityFunction:
    """An activity as a function type."""

    known_types: ClassVar[Mapping[str, Codec]] = {}
    owns_tokens: ClassVar[bool] = False
    isolate: ClassVar[None] = None
    was: Sequence[str] = ()
    states: Sequence[StateSpec] = ()
    persisted: Sequence[Field] = ()
    state_names: frozenset[str] = frozenset()
    any_handler: Handler | None = None
    answers: Mapping[str, Any] = {}

    def __init__(self, typename: str, function: Callable[..., Any], options: _ActivityOptions) -> None:
        self.typename = typename
        self.name = getattr(function, "__qualname__", repr(function))
        problems = [
            f"unknown option {each!r}; expected one of: {', '.join(_OPTIONS)}"
            for each in options
            if each not in _OPTIONS
        ]
        if (problem := typename_problem(typename)) is not None:
            problems.append(problem)
        keyed = takes_key(function, problems)
        if yields := is_generator_function(function):
            problems.append("an activity can't yield; return the answer")
        types, returns = signature_types(function, [] if yields else problems)
        is_async = is_async_function(function)
        handler_options = HandlerOptions(timeout=options.get("timeout", timedelta(seconds=30)), blocking=not is_async)
        if wrong := handler_options.problems(is_async=is_async):
            problems += wrong
            handler_options = HandlerOptions(blocking=not is_async)
        self.options = TypeOptions(internal=options.get("internal"), concurrency=options.get("concurrency"))
        problems += self.options.problems()
        try:
            self.on_failure = TimedAttempts(total=options.get("attempts", 5), backoff=options.get("backoff", 1.0))
        except DefinitionError as error:
            problems += error.problems
        rate = options.get("rate")
        if (problem := rate_problem(rate)) is not None:
            problems.append(problem)
            rate = None
        self._rate = None if rate is None else Rate(rate)
        handler = Handler(typename, _run(function, is_async, keyed, done=returns is None), is_async, handler_options)
        self.handlers, _, taken, wrong = bind_handlers([(handler, types)])
        problems += wrong
        self.taken = tuple(taken)
        codecs = (
            [] if problems else [codec_for(part) for part in ((bool,) if returns is None else message_types(returns))]
        )
        self.returned = {codec.typename: codec.spelling for codec in codecs}
        """The types of its answer: typename and Python type."""
        self.stop = Handler(typename, _stop, False, HandlerOptions(), replies=False)
        """Ends a run whose ask is over."""
        if problems:
            raise DefinitionError(f"activity {self.name} ({typename})", list(dict.fromkeys(problems)))

    def open(self, scope: Scope) -> _ActivityRun:
        return _ActivityRun(scope, self._rate)

    def settle(self, subject: _ActivityRun, scope: Scope) -> None:
        """It has no state."""

    def abandon(self, subject: _ActivityRun) -> None:
        """It keeps nothing of its batch."""


@attrs.frozen
class _ActivityRun:
    """One run: the subject of an activity's handler."""

    scope: Scope
    rate: Rate | None

    def begin(self) -> str:
        """The key. Raises NotYetError: its rate does not allow it to begin yet."""
        if self.rate is not None and (delay := self.rate.begin(self.scope.now)):
            raise NotYetError(delay)
        return self.scope.id


def _run(function: Callable[..., Any], is_async: bool, keyed: bool, *, done: bool) -> Callable[[Any, Any], object]:
    """*function* as a handler. *done*: it returns nothing; the answer is True."""
    if is_async:

        async def run_async(run: _ActivityRun, message: object) -> object:
            key = run.begin()
            result = await (function(message, key) if keyed else function(message))
            return True if done and not _is_pending(result) else result

        return run_async

    def run_blocking(run: _ActivityRun, message: object) -> object:
        key = run.begin()
        result = function(message, key) if keyed else function(message)
        return True if done and not _is_pending(result) else result

    return run_blocking


def _is_pending(result: object) -> bool:
    """Whether *result* is work that is not done. Returned in place of the answer, it fails the attempt."""
    return inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result)


def _stop(run: _ActivityRun, message: object) -> None:  # noqa: ARG001 - as handlers are called
    reply_address = run.scope.caller
    assert reply_address is not None  # as is_stop has checked
    run.scope.cancel(attempt_token(run.scope.target, reply_address))


_declared: Final[WeakSet[Activity[Any, Any]]] = WeakSet()


def declared_activities() -> Iterable[Activity[Any, Any]]:
    """The activities that the modules of this process declare, served or not, without replaced ones."""
    return list(_declared)


class _Decorator:
    """The decorator that ``activity(...)`` returns: makes a function an Activity, typed by its annotations."""

    def __init__(self, typename: str, options: _ActivityOptions) -> None:
        self._typename, self._options = typename, options

    @overload
    def __call__(self, function: Callable[[_M, str], Coroutine[Any, Any, None]]) -> Activity[_M, bool]: ...
    @overload
    def __call__(self, function: Callable[[_M], Coroutine[Any, Any, None]]) -> Activity[_M, bool]: ...
    @overload
    def __call__(self, function: Callable[[_M, str], Coroutine[Any, Any, _R]]) -> Activity[_M, _R]: ...
    @overload
    def __call__(self, function: Callable[[_M], Coroutine[Any, Any, _R]]) -> Activity[_M, _R]: ...
    @overload
    def __call__(self, function: Callable[[_M, str], None]) -> Activity[_M, bool]: ...
    @overload
    def __call__(self, function: Callable[[_M], None]) -> Activity[_M, bool]: ...
    @overload
    def __call__(self, function: Callable[[_M, str], _R]) -> Activity[_M, _R]: ...
    @overload
    def __call__(self, function: Callable[[_M], _R]) -> Activity[_M, _R]: ...
    def __call__(self, function: Any) -> Any:
        found: Activity[Any, Any] = Activity(self._typename, function, self._options)
        _declared.add(found)
        return found


def activity(typename: str, **options: Unpack[_ActivityOptions]) -> _Decorator:
    """Decorator: an outside call, such as a payment, as a durable step that entities ask for.

    ::

        @activity("shop/charge", attempts=5, concurrency=8)
        async def charge(message: Deposit, key: str) -> str:
            return f"receipt {key}"  # a call to the bank

    It may run more than once; its answer counts once. Pass *key* to the other system as an idempotency key: it is
    the same over retries and crashes. A plain ``def`` runs in a thread. A function that is declared ``-> None`` answers
    True when it is done, whatever it returns; only a coroutine, a generator or a future fails it, as work not done.

    Args:
        typename: ``<namespace>/<name>``.
        options: ``attempts`` (5), their maximum number. On the embedded engine those that a crash cuts off count, too;
            those that a stop of the engine cuts off do not, and run again. ``backoff`` (1.0), seconds before the second
            attempt, doubled before each further one; ``timeout`` (30 seconds) of one attempt; ``concurrency`` (no
            limit), the maximum of runs at once in a process; ``rate`` (no limit), the maximum of runs that begin in any
            second, minute or hour in a process: ``"60/m"``; ``internal`` (False), whether it refuses messages from
            outside: only entities and functions start it.

    Raises:
        DefinitionError: with all problems.
    """
    return _Decorator(typename, options)
