"""One ``ask`` before it is sent: its target, its message, and the reply that it expects."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any as Untyped
from typing import Final

import attrs

from statefun_actors.address import Address
from statefun_actors.calls.errors import NoReplyError
from statefun_actors.calls.reply_type import ReplyType, any_reply, any_reply_json, reply_type
from statefun_actors.definition import ENTITY_OF_HANDLER, check_text
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import TypedValue
from statefun_actors.types import Codec, pack

_EXPECTED: Final = "an address, such as Account.at('ada'), or a handler and an id: ask(Account.deposit, 'ada', message)"


@attrs.frozen
class Question:
    """An ``ask``. *reply* is the expected type of the reply, or None."""

    target: Address
    value: TypedValue
    reply: ReplyType | None = None

    @property
    def until_reply(self) -> bool:
        """Whether it waits for a reply from any sender; otherwise it waits until the handler has ended."""
        return self.reply is not None and not self.reply.optional

    def answer(self, value: TypedValue, known: Mapping[str, Codec]) -> object:
        """The reply in *value*. Raises UnexpectedReplyError: it has another type."""
        if self.reply is None:
            return any_reply(self.target, value, known)
        return None if self.reply.never else self.reply.read(self.target, value)

    def json_answer(self, typename: str, text: bytes) -> object:
        """The reply of the type *typename* whose JSON form is *text*. Raises as :meth:`answer` does."""
        if self.reply is None:
            return any_reply_json(self.target, typename, text)
        return None if self.reply.never else self.reply.read_json(self.target, typename, text)

    def no_reply(self, *, told: bool) -> None:
        """There is no reply: the handler ended without one; or, if *told*, a ``tell`` sent the message under its key.

        Raises:
            NoReplyError: one was expected, or *told*.
        """
        if told or self.reply is None or not self.reply.optional:
            raise NoReplyError(self.target, told=told)


def packed(target: Address, message: object) -> TypedValue:
    """Encode *message* for *target*, and check it if the class of *target* is known.

    Raises:
        NotAMessageError, ValueMismatchError, UnhandledMessageError: *target* can't take it, or is not an address.
    """
    if not isinstance(target, Address):
        raise ValueMismatchError(_EXPECTED, f"{target!r} ({type(target).__name__})")
    check_text(target[0], "a function type")
    check_text(target[1], "an id")
    value = pack(message)
    if (check_takes := getattr(target.__class__, "check_takes", None)) is not None:
        check_takes(value)
    return value


def question(subject: Untyped, first: Untyped, second: Untyped) -> Question:
    """The question of ``ask(subject, first, second)``.

    Args:
        subject: an address, or a handler as its class has it: ``Account.deposit``.
        first: the message; for a handler, the id of the entity.
        second: the type of the reply or None; for a handler, the message.

    Raises:
        NotAMessageError, ValueMismatchError, UnhandledMessageError: the message can't be sent there.
        UnstorableTypeError: the type of the reply can't be a message.
        TypeError: *subject* is neither.
    """
    if isinstance(subject, Address):
        return Question(subject, packed(subject, first), None if second is None else reply_type(second))
    owner, reply = _asked_by(subject)
    target: Address = owner.at(first)
    return Question(target, packed(target, second), reply)


def _asked_by(handler: Untyped) -> tuple[Untyped, ReplyType]:
    """The class of *handler* and the type of its replies."""
    try:
        return _handler(handler)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
    raise ValueMismatchError(_EXPECTED, f"{handler!r} ({type(handler).__name__})")


@functools.lru_cache(1_000)
def _handler(handler: Callable[..., object]) -> tuple[Untyped, ReplyType]:
    owner = getattr(handler, ENTITY_OF_HANDLER, None)
    if owner is None:
        raise ValueMismatchError(_EXPECTED, f"{handler!r} ({type(handler).__name__})")
    function = owner.__function_type__
    if function is None:
        raise ValueMismatchError(_EXPECTED, f"a handler of {owner.__name__}, which is abstract")
    found = [bound for bound, _ in function.handlers.values() if bound.function is handler]
    if function.any_handler is not None:
        found.append(function.any_handler)
    returns = found[0].returns
    if returns in {inspect.Parameter.empty, object, Untyped}:
        raise TypeError(
            f"the reply type of {found[0].name} is unknown: annotate its return type, or write "
            f"ask({owner.__name__}.at(id), message, Reply)"
        )
    return owner, reply_type(returns)
