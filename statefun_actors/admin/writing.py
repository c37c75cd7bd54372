"""Messages that people write as JSON: to send, to answer an ask, or in place of a dead letter's."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from statefun_actors.admin.control.interface import DeadLetterRetry
from statefun_actors.admin.views.json_values import message_inside
from statefun_actors.dispatch import Application, answered_method, rewrapped
from statefun_actors.errors import StatefunActorsError, ValueMismatchError
from statefun_actors.ingress import MessageEncoder, MessageEncoders, RepeatedKeyError, check_once
from statefun_actors.model import TypedValue
from statefun_actors.store import DeadLetterEntry
from statefun_actors.types import json_fault


class WrittenValueError(StatefunActorsError, ValueError):
    """A text is not JSON, or does not fit its type. Retrying cannot help."""


def written_message(
    app: Application, target: str, typename: str | None, text: str, *, outside: bool = True
) -> TypedValue:
    """The message of the type *typename* for the function type *target* whose JSON is *text*.

    Without a *typename* it is of the only type that *target* takes. If it is from *outside*, it is refused where
    *target* takes such messages from inside only.

    Raises:
        WrittenValueError: *text* is not JSON, or does not fit.
        UnknownFunctionTypeError, UnhandledMessageError, UnclearTypeError, InternalMessageError, NoJsonFormError:
            there is no such target or type.
    """
    return _typed(text, typename, lambda: MessageEncoders(app, outside=outside).encoder(target, typename))


def written_answer(app: Application, asker: str, then: str, typename: str | None, text: str) -> TypedValue:
    """The answer of the type *typename* for the method *then* of the function type *asker* whose JSON is *text*.

    Raises as :func:`written_message`.
    """
    return _typed(text, typename, lambda: MessageEncoders(app).answer(asker, then, typename))


def edited_retry(app: Application, entry: DeadLetterEntry, text: str) -> DeadLetterRetry:
    """The retry of the dead letter *entry* with the value whose JSON is *text*. It keeps the type and the caller.

    Raises as :func:`written_message`.
    """
    message = entry.message
    typename, target = message_inside(message).argument.typename, message.target.typename
    if (method := answered_method(message.value)) is not None:
        value = written_answer(app, target, method, typename, text)
    else:
        value = written_message(app, target, typename, text, outside=False)
    return DeadLetterRetry(entry.seq, rewrapped(message.value, value))


def read_json(text: str) -> object:
    """The value whose JSON is *text*. Raises WrittenValueError: it is not JSON, or an object in it repeats a key."""
    try:
        obj: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = f"expected JSON, got {text[:80]!r}: {json_fault(text, error)}"
        raise WrittenValueError(f"{reason}. A text in JSON has quotes of its own: '\"ada\"'.") from error
    except UnicodeEncodeError as error:
        raise WrittenValueError(f"expected JSON in UTF-8, got {text[:80]!r}.") from error
    refuse_repeated_keys(obj, text)
    return obj


def refuse_repeated_keys(obj: object, text: str) -> None:
    """Raises WrittenValueError: an object in *text*, the JSON of *obj*, repeats a key: one of its values is lost."""
    try:
        check_once(obj, text.encode())
    except RepeatedKeyError as error:
        raise WrittenValueError(f"{error}. Remove one of them.") from error


def _typed(text: str, typename: str | None, encoder: Callable[[], MessageEncoder]) -> TypedValue:
    obj = read_json(text)
    try:
        return encoder().typed(obj)
    except ValueMismatchError as error:
        raise WrittenValueError(f"the JSON does not fit {typename or 'the type'}: {error}.") from error
