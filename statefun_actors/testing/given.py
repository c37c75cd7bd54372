"""``given(Account, "ada", balance=3).when(Deposit(cents=5))``: runs one batch of one entity."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any as Untyped
from typing import Generic, ParamSpec, TypeVar, overload

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import REPLY, Answer
from statefun_actors.asking import answer as enveloped
from statefun_actors.dispatch import Application, SystemHost, dispatch, in_handler_task
from statefun_actors.entity import NOT_GIVEN, Entity, EntityFunction, answer_method, hydrate
from statefun_actors.errors import FieldMismatchError, ValueMismatchError
from statefun_actors.model import Batch, Done, Failed, Invocation, MissingState, Outcome, Settlement, TypedValue
from statefun_actors.settings import Settings
from statefun_actors.testing.checks import checked_address, in_utc
from statefun_actors.testing.conversations import Ask, Schedule
from statefun_actors.testing.seen import Delayed, Sent, seen
from statefun_actors.types import pack

_E = TypeVar("_E", bound=Entity)
_P = ParamSpec("_P")
_A = TypeVar("_A")
_K = TypeVar("_K")
_START = datetime(2026, 1, 1, tzinfo=UTC)
_CALLER = Address("statefun-actors/test", "caller")
_REPLY = Address(REPLY, "test")


class _Host(SystemHost):
    """A host with virtual time, which a backoff advances, so that no test waits. Tokens are deterministic."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._tokens = itertools.count(1)

    def token(self) -> str:
        return f"{next(self._tokens):032x}"

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@attrs.frozen
class Result(Generic[_E]):
    """The result of a batch.

    ``entity`` is a detached instance with the state afterwards. ``reply`` is the first reply to the caller (None
    without one), ``replies`` are all of them; ``sent``, ``delayed`` and ``egress`` (by egress name) have Python values.
    ``asks`` are the questions asked and the reply addresses opened, ``schedules`` the recurring messages started, and
    ``cancelled_schedules`` the names of those cancelled. ``dead_letters`` are the errors of messages that a failure
    policy gave up.
    """

    entity: _E
    replies: list[object]
    sent: list[Sent]
    delayed: list[Delayed]
    cancelled: list[str]
    egress: dict[str, list[object]]
    changed: dict[str, TypedValue | None]
    asks: list[Ask]
    schedules: list[Schedule]
    cancelled_schedules: list[str]
    dead_letters: list[BaseException]

    @property
    def reply(self) -> Untyped:
        """The first reply."""
        return self.replies[0] if self.replies else None


class Given(Generic[_E]):
    """An entity with its state, ready for messages."""

    def __init__(self, cls: type[_E], id: str, fields: dict[str, object]) -> None:
        self._cls = cls
        self._address = cls.at(id)
        self._state = _state(cls, fields)

    def when(
        self,
        *messages: object,
        caller: Address | None = _CALLER,
        now: datetime = _START,
        settings: Settings | None = None,
    ) -> Result[_E]:
        """Run *messages* as one batch, and return its result.

        It works inside a running event loop, too: the handlers then run on another loop, in a thread.

        Args:
            messages: values that can be sent.
            caller: the sender; None: from outside.
            now: the value of ``self.now``.
            settings: of the application.

        Raises:
            ValueMismatchError: *caller* is not an address, or *now* is naive.
            Exception: the handler raised it, and there is no failure policy; HandlerExitError for one that is not an
                Exception.
            InternalMessageError: *caller* is outside, the handler internal, and there is no failure policy.
            KeyboardInterrupt: the handler raised it, or it was Ctrl-C.
        """
        sender = None if caller is None else checked_address(caller)
        return self._handled([Invocation(pack(message), sender) for message in messages], caller, now, settings)

    @overload
    def answered(
        self,
        then: Callable[[_E, _A], object],
        answer: _A,
        *,
        caller: Address | None = _CALLER,
        now: datetime = _START,
        settings: Settings | None = None,
    ) -> Result[_E]: ...
    @overload
    def answered(
        self,
        then: Callable[[_E, _A, _K], object],
        answer: _A,
        *,
        keep: _K,
        caller: Address | None = _CALLER,
        now: datetime = _START,
        settings: Settings | None = None,
    ) -> Result[_E]: ...
    def answered(
        self,
        then: Untyped,
        answer: Untyped,
        *,
        keep: Untyped = NOT_GIVEN,
        caller: Address | None = _CALLER,
        now: datetime = _START,
        settings: Settings | None = None,
    ) -> Result[_E]:
        """Pass *answer* to the method *then*, as the answer to an ask of this entity, and return the result.

        ::

            given(Order, "1", state="asked").answered(Order.reserved, NoAnswer(None, "timeout"), keep="pen")

        Args:
            then: a method of the class that is decorated with ``@answers``.
            answer: a value that can be sent.
            keep: the value of ``keep=`` of the ask.
            caller: the caller of the asking message: ``self.caller`` in *then*, which gets its reply.
            now: the value of ``self.now``.
            settings: of the application.

        Raises:
            ValueMismatchError: *then* is not an answer method, or *keep* does not fit it.
            UnhandledMessageError: *then* does not take such an answer, and there is no failure policy.
            Exception: as :meth:`when`.
        """
        method = answer_method(self._cls, then)
        kept = method.pack_keep(None if keep is NOT_GIVEN else keep, given=keep is not NOT_GIVEN)
        value = pack(answer)
        content = Answer(
            method.name,
            None if kept is None else (kept.typename, kept.value),
            None if caller is None else checked_address(caller),
            (value.typename, value.value),
        )
        return self._handled([Invocation(enveloped(content), _REPLY)], caller, now, settings)

    def _handled(
        self, invocations: list[Invocation], caller: Address | None, now: datetime, settings: Settings | None
    ) -> Result[_E]:
        app = Application(self._cls, settings=settings)
        batch = Batch(self._address, self._state, invocations)
        match _run(in_handler_task(dispatch(batch, app, _Host(in_utc(now, "now"))))):
            case Done(effects, changes, failures):
                for failure in failures:
                    if failure.settlement is Settlement.REFUSED:
                        raise failure.error
                state = {**self._state, **changes}
            case Failed(_, error):
                raise error
            case MissingState(specs):  # pragma: no cover - every declared state is given
                raise AssertionError(specs)
        found = seen(effects, app)
        replies = [sent.message for sent in found.sent if sent.target == caller]
        return Result(
            hydrate(self._cls, self._address, state),
            replies,
            [sent for sent in found.sent if sent.target != caller],
            found.delayed,
            found.cancelled,
            found.egress,
            dict(changes),
            found.asks,
            found.schedules,
            found.cancelled_schedules,
            [failure.error for failure in failures],
        )


def given(cls: Callable[_P, _E], id: str, /, *args: _P.args, **fields: _P.kwargs) -> Given[_E]:
    """The entity *id* of class *cls*, holding *fields*; fields not named are absent.

    Raises:
        FieldMismatchError: a value does not fit its field.
        TypeError: *cls* is not an Entity class, or has no such field.
    """
    found: object = cls
    if not (isinstance(found, type) and issubclass(found, Entity)):
        raise TypeError(f"given(...) takes an Entity class first, as in given(Account, 'ada'); got {cls!r}")
    assert isinstance(cls, type)
    if args:
        raise TypeError("fields are given by name: given(Account, 'ada', balance=3)")
    return Given(cls, id, fields)


def _state(cls: type[Entity], fields: dict[str, object]) -> dict[str, TypedValue | None]:
    function: EntityFunction = cls.__function_type__
    state: dict[str, TypedValue | None] = {spec.name: None for spec in function.states}
    for name, held in fields.items():
        field = function.by_name.get(name)
        if field is None:
            known = ", ".join(function.by_name) or "none"
            raise TypeError(f"{cls.__name__} has no field {name!r}; its fields are {known}")
        if held is None and field.optional:
            continue
        try:
            state[field.state_name] = TypedValue(field.codec.typename, field.codec.encode(held))
        except ValueMismatchError as error:
            raise FieldMismatchError(cls.__name__, name, error.expected, error.got, error.path) from error
    return state


def _run(work: Coroutine[Untyped, Untyped, Outcome]) -> Outcome:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcomes: list[Outcome] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcomes.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcomes[0]
