"""``given(Account, "ada", balance=3).when(Deposit(cents=5))``: runs one batch of one entity."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, ParamSpec, TypeVar, overload

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import REPLY, Answer
from statefun_actors.asking import answer as enveloped
from statefun_actors.assembly.views import Ask, Schedule
from statefun_actors.definition import delay_ms
from statefun_actors.dispatch import Application
from statefun_actors.entity import NOT_GIVEN, Entity, answer_method, hydrate
from statefun_actors.model import Batch, Done, Failed, Invocation, MissingState, Settlement, TypedValue
from statefun_actors.settings import Settings
from statefun_actors.testing.arguments import checked_address, in_utc
from statefun_actors.testing.batch import BatchHost, run_batch
from statefun_actors.testing.held import Held, held
from statefun_actors.testing.seen import Delayed, Sent, seen
from statefun_actors.types import pack

_E = TypeVar("_E", bound=Entity)
_P = ParamSpec("_P")
_A = TypeVar("_A")
_K = TypeVar("_K")
_START = datetime(2026, 1, 1, tzinfo=UTC)
_CALLER = Address("statefun-actors/test", "caller")
_REPLY = Address(REPLY, "test")
_EFFECTS = ("replies", "sent", "delayed", "cancelled", "egress", "asks", "schedules", "cancelled_schedules")


@attrs.frozen(repr=False)
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
    _given: Callable[[timedelta], Given[_E]] = attrs.field(eq=False)

    def __repr__(self) -> str:
        """The entity, and the effects that there are."""
        effects = (name for name in (*_EFFECTS, "dead_letters") if getattr(self, name))
        return f"Result({', '.join(f'{name}={getattr(self, name)!r}' for name in ('entity', *effects))})"

    def after(self, delay: timedelta | float) -> Given[_E]:
        """The entity as this batch left it, *delay* (a timedelta, or seconds) later, ready for more messages.

        ::

            result = given(Account, "ada").when(Deposit(cents=5)).after(timedelta(days=1)).when(Withdraw(cents=2))

        States that expire in the meantime are absent. Delayed messages are not delivered: pass them to ``when``, or
        use :class:`TestRuntime`.

        Raises:
            ValueMismatchError: *delay* is negative, or no delay at all.
        """
        return self._given(timedelta(milliseconds=delay_ms(delay)))

    @property
    def reply(self) -> Any:
        """The first reply."""
        return self.replies[0] if self.replies else None


class Given(Generic[_E]):
    """An entity with its state, ready for messages."""

    def __init__(self, cls: type[_E], id: str, state: Held, now: datetime = _START) -> None:
        self._cls = cls
        self._address = cls.at(id)
        self._held = state
        self._now = now

    def __repr__(self) -> str:
        return f"Given({self._address}: {hydrate(self._cls, self._address, self._held.at(self._now))!r})"

    def when(
        self,
        *messages: object,
        caller: Address | None = _CALLER,
        now: datetime | None = None,
        settings: Settings | None = None,
    ) -> Result[_E]:
        """Run *messages* as one batch, and return its result.

        It works inside a running event loop, too: the handlers then run on another loop, in a thread.

        Args:
            messages: values that can be sent.
            caller: the sender; None: from outside.
            now: the value of ``self.now``. Default: 2026-01-01 in UTC, and later after :meth:`Result.after`.
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
        now: datetime | None = None,
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
        now: datetime | None = None,
        settings: Settings | None = None,
    ) -> Result[_E]: ...
    def answered(
        self,
        then: Any,
        answer: Any,
        *,
        keep: Any = NOT_GIVEN,
        caller: Address | None = _CALLER,
        now: datetime | None = None,
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
            now: the value of ``self.now``. Default: 2026-01-01 in UTC, and later after :meth:`Result.after`.
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
        self, invocations: list[Invocation], caller: Address | None, now: datetime | None, settings: Settings | None
    ) -> Result[_E]:
        app = Application(self._cls, settings=settings)
        begun = self._now if now is None else in_utc(now, "now")
        state = self._held.at(begun)
        host = BatchHost(begun)
        match run_batch(Batch(self._address, state, invocations), app, host):
            case Done(effects, changes, failures):
                for failure in failures:
                    if failure.settlement is Settlement.REFUSED:
                        raise failure.error
            case Failed(_, error):
                raise error
            case MissingState(specs):  # pragma: no cover - every declared state is given
                raise AssertionError(specs)
        left = self._held.changed(begun, changes)
        found = seen(effects, app)
        replies = [sent.message for sent in found.sent if sent.target == caller]
        return Result(
            hydrate(self._cls, self._address, left.state),
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
            lambda delay: Given(self._cls, self._address.id, left, host.now() + delay),
        )


def given(cls: Callable[_P, _E], id: str, /, *args: _P.args, **fields: _P.kwargs) -> Given[_E]:
    """The entity *id* of class *cls*, holding *fields*; fields not named are absent.

    ::

        result = given(Account, "ada", balance=300).when(Deposit(cents=200))
        assert result.reply == 500
        assert result.entity.balance == 500

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
    return Given(cls, id, held(cls, fields))
