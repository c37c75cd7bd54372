"""``Entity``: the base class of users' classes, and what ``self`` can do in a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform, overload

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import NoAnswer, recurrence
from statefun_actors.definition import Callee, FailurePolicy, Scope, persisted
from statefun_actors.entity.addresses import no_address
from statefun_actors.entity.asking import DEFAULT_TIMEOUT, NOT_GIVEN, ask, cancel_every, checked_name, send_every
from statefun_actors.entity.detached import no_scope, restored
from statefun_actors.entity.entity_function import EntityFunction
from statefun_actors.entity.metaclass import EntityMeta

_K = TypeVar("_K")
_M = TypeVar("_M")
_R = TypeVar("_R")


@dataclass_transform(kw_only_default=True, field_specifiers=(persisted,))
class Entity(metaclass=EntityMeta):
    """Base of durable actors: ``class Account(Entity, typename="bank/account")``.

    ::

        class Counter(Entity, typename="demo/counter"):
            total: int = persisted(default=0)

            @handles
            def add(self, message: int) -> int:
                self.total += message
                return self.total

    Without ``typename`` a class is abstract: it shares its fields and handlers with the classes derived from it.
    ``on_failure`` is the failure policy of the class's handlers. ``was`` is a function type that the class had
    before, or several: when an embedded engine starts, it moves state stored under these, and messages to them
    are delivered to this class.

    With ``internal=True`` the handlers only take messages from other functions, unless they say otherwise. At
    most ``concurrency`` batches of the class run at once in a process; others wait. With ``expire_after_call=`` each
    field without an expiry of its own expires after that time without messages; on the embedded engine an entity
    whose fields are all absent is deleted. Policy, access, concurrency and expiry that a class does not declare are
    inherited from its bases.

    The engine creates instances. ``Account(balance=3)`` creates a detached one, for tests of plain methods; so do
    copying and pickling.

    Raises:
        DefinitionError: a class is declared wrongly; it lists all problems.
    """

    __slots__ = ("__scope__",)
    __function_type__: ClassVar[EntityFunction]
    __address_type__: ClassVar[Any] = None
    __abstract_entity__: ClassVar[bool] = True
    __scope__: Scope | None

    def __init_subclass__(
        cls,
        *,
        typename: str | None = None,
        on_failure: FailurePolicy | None = None,
        internal: bool | None = None,
        concurrency: int | None = None,
        expire_after_call: timedelta | None = None,
        was: str | Iterable[str] = (),
        **keywords: object,
    ) -> None:
        """Declared for type checkers; the metaclass handles them."""
        super().__init_subclass__(**keywords)

    @classmethod
    def at(cls, id: str) -> Address:
        """The address of this class's entity *id*; a send to it fails at once if the class does not take the message.

        Raises:
            InvalidAddressError: *id* is not a non-empty string, or the class is abstract.
        """
        kind = cls.__address_type__
        if kind is None:
            raise no_address(cls.__name__, id)
        plain = id.__class__ is str and id
        address: Address = tuple.__new__(kind, (kind.typename_, id)) if plain else kind(kind.typename_, id)
        return address

    @property
    def address(self) -> Address:
        """This entity's own address."""
        return (self.__scope__ or no_scope(self, "address")).target

    @property
    def id(self) -> str:
        """The id in this entity's address."""
        return (self.__scope__ or no_scope(self, "id")).id

    @property
    def caller(self) -> Address | None:
        """The caller of the message being handled: the function that sent it; for a delayed message, its sender.

        A message from outside has None, or the address of the HTTP ingress (its typename is
        ``statefun-actors/ingress``) if its sender waits for the reply. So it does not authenticate the sender:
        to refuse messages from outside, write ``@handles(..., internal=True)``.
        """
        return (self.__scope__ or no_scope(self, "caller")).caller

    @property
    def now(self) -> datetime:
        """The current time, aware, in UTC; constant while one message is handled, virtual in tests."""
        return (self.__scope__ or no_scope(self, "now")).now

    def send(self, target: Address, message: object) -> None:
        """Send *message*; it is sent when the effects of the current message are committed, or not at all.

        Raises:
            UnhandledMessageError: *target* was made by ``Class.at`` and the class has no handler for it.
            NotAMessageError: its class has no typename.
            ValueMismatchError: a value in the message does not fit its declared type.
        """
        (self.__scope__ or no_scope(self, "send")).send(target, message)

    def send_after(
        self, delay: timedelta | float, target: Address, message: object, *, cancellation_token: str | None = None
    ) -> None:
        """Send *message* after *delay* (a timedelta, or seconds). Zero is an ordinary send.

        With a *cancellation_token* it can be cancelled, and replaces the pending one of the same token of this entity.
        Raises as :meth:`send` does, and ValueMismatchError for a negative delay.
        """
        (self.__scope__ or no_scope(self, "send_after")).send_after(delay, target, message, cancellation_token)

    def cancel(self, cancellation_token: str) -> None:
        """Cancel this entity's delayed message with that token, if it has not been delivered yet: best effort."""
        (self.__scope__ or no_scope(self, "cancel")).cancel(cancellation_token)

    def send_egress(self, egress: str, message: object) -> None:
        """Send *message*, a ``kafka_record`` or a ``kinesis_record`` to *egress* (``<namespace>/<name>``)."""
        (self.__scope__ or no_scope(self, "send_egress")).send_egress(egress, message)

    def reply(self, message: object) -> None:
        """Send *message* to :attr:`caller`; without one it is dropped. Returning it from a handler does the same."""
        (self.__scope__ or no_scope(self, "reply")).reply(message)

    @overload
    def ask(
        self,
        target: Callee[_M, _R],
        message: _M,
        *,
        then: Callable[[_R | NoAnswer], object],
        timeout: timedelta | float = ...,
    ) -> None: ...
    @overload
    def ask(
        self,
        target: Callee[_M, _R],
        message: _M,
        *,
        then: Callable[[_R | NoAnswer, _K], object],
        timeout: timedelta | float = ...,
        keep: _K,
    ) -> None: ...
    @overload
    def ask(
        self,
        target: Address,
        message: object,
        *,
        then: Callable[[Any], object],
        timeout: timedelta | float = ...,
    ) -> None: ...
    @overload
    def ask(
        self,
        target: Address,
        message: object,
        *,
        then: Callable[[Any, _K], object],
        timeout: timedelta | float = ...,
        keep: _K,
    ) -> None: ...
    def ask(
        self,
        target: Any,
        message: Any,
        *,
        then: Any,
        timeout: timedelta | float = DEFAULT_TIMEOUT,
        keep: Any = NOT_GIVEN,
    ) -> None:
        """Send *message* to *target*, and call *then* with the answer.

        ::

            class Shop(Entity, typename="demo/shop"):
                @handles
                def buy(self, cents: int) -> None:
                    self.ask(Account.at("ada"), Deposit(cents=cents), then=self.paid, timeout=60)

                @answers
                def paid(self, answer: int | NoAnswer) -> str:  # the reply to the caller of buy
                    return "no answer" if isinstance(answer, NoAnswer) else f"balance {answer}"

        The handler ends, and this entity takes other messages; the answer comes as a message. In *then*,
        ``self.caller`` is the caller of the asking message, and the return value of *then* is the reply to it; without
        a caller that value is dropped.

        Args:
            target: any address, in any language; or an activity.
            message: the question.
            then: a method of this entity that is decorated with ``@answers``.
            timeout: a timedelta or seconds, at most ten years, after which *then* gets ``NoAnswer("timeout")``.
            keep: any value that a field may hold: *then* gets it with the answer.

        Raises:
            ValueMismatchError: *then* is no such method, or does not take what the activity returns; *keep* does not
                fit it, or *timeout* is out of range.
            Exception: as :meth:`send`.
        """
        ask(self.__scope__ or no_scope(self, "ask"), self, then, timeout, keep, target, message)

    @overload
    def reply_address(self, *, then: Callable[[Any], object], timeout: timedelta | float) -> Address: ...
    @overload
    def reply_address(self, *, then: Callable[[Any, _K], object], timeout: timedelta | float, keep: _K) -> Address: ...
    def reply_address(self, *, then: Any, timeout: timedelta | float, keep: Any = NOT_GIVEN) -> Address:
        """An address for one answer, which *then* gets: to put into a message or a mail.

        It can be used after this message has committed: pass it on by a send, or by an egress. Over HTTP it is answered
        by ``POST /replies/<id of the address>``. In *then*, ``self.caller`` is the caller of the message whose handler
        called this, not who answered, and the return value of *then* is the reply to it; without a caller that value
        is dropped. Arguments and errors are those of :meth:`ask`.
        """
        return ask(self.__scope__ or no_scope(self, "reply_address"), self, then, timeout, keep, None, None)

    def send_every(
        self, schedule: timedelta | str, target: Address, message: object, *, name: str, tz: str = "UTC"
    ) -> None:
        """Send *message* to *target* repeatedly, until :meth:`cancel_every`.

        Args:
            schedule: an interval of a second or more, or a cron line of five fields: ``"0 9 * * mon-fri"``.
            target: any address.
            message: anything that can be sent.
            name: name of the recurring message in this entity. The same schedule, zone, target and message again change
                nothing; another one of that name replaces it and begins anew.
            tz: the IANA zone of the cron line.

        Raises:
            ValueMismatchError: a schedule that is invalid or never fires, an unknown zone, an empty name.
            Exception: as :meth:`send`.
        """
        scope = self.__scope__ or no_scope(self, "send_every")
        send_every(scope, recurrence(schedule, tz), target, message, checked_name(name))

    def cancel_every(self, name: str) -> None:
        """End the recurring message *name* of this entity. A message already sent may still arrive."""
        cancel_every(self.__scope__ or no_scope(self, "cancel_every"), checked_name(name))

    def clear(self) -> None:
        """Delete all fields, and cancel delayed messages that this batch sent with a token."""
        scope = self.__scope__ or no_scope(self, "clear")
        function = type(self).__function_type__
        for name in function.by_name:
            function.delete(self, name, scope)
        scope.cancel_pending()

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]
    else:  # type checkers would accept any attribute

        def __getattr__(self, name: str) -> object:
            # Called for attributes without a slot, and for fields that were neither read nor set yet.
            if name.startswith("__"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return type(self).__function_type__.read(self, name, self.__scope__)

        def __delattr__(self, name: str) -> None:
            type(self).__function_type__.delete(self, name, self.__scope__)

    def __eq__(self, other: object) -> bool:
        """Whether *other* is of the same class and has equal fields."""
        if not isinstance(other, Entity) or other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self).__function_type__.by_name)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        function = type(self).__function_type__
        held = (f"{name}={getattr(self, name)!r}" for name in function.readable(self, self.__scope__))
        return f"{type(self).__name__}({', '.join(held)})"

    def __reduce__(self) -> tuple[Any, ...]:
        function = type(self).__function_type__
        return restored, (function.cls, {name: getattr(self, name) for name in function.by_name})
