"""What a failure means, and the record that a dead letter leaves behind."""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from statefun_actors.definition import DeadLetter
from statefun_actors.dispatch.application import Application
from statefun_actors.errors import (
    HandlerExitError,
    MessageDecodeError,
    StateDecodeError,
    TerminalError,
    UndeclaredAttributeError,
    UnhandledMessageError,
)
from statefun_actors.model import Address, Egress, Invocation, TypedValue
from statefun_actors.types import NO_JSON, json_of, kafka_record, record_to_typed

_ATTRIBUTE: Final = re.compile(r"'[^']+' object has no attribute '([^']+)'")
_LONGEST_ERROR: Final = 2_000


def describe_error(error: BaseException) -> str:
    """The error's text, one that always exists and is of bounded length."""
    try:
        text = str(error) or repr(error)
    except Exception:  # noqa: BLE001 - a user's exception may fail to print itself
        text = f"<{type(error).__name__} that can't be printed>"
    return text if len(text) <= _LONGEST_ERROR else text[:_LONGEST_ERROR] + "…"


def is_terminal(error: BaseException) -> bool:
    """Whether the message is at fault in a way that no further attempt can cure."""
    return isinstance(error, TerminalError | UnhandledMessageError | MessageDecodeError)


def fails_batch(error: BaseException) -> bool:
    """Whether the whole batch fails, whatever the policy: it is the deployment's fault, or the handler tried to leave."""
    return isinstance(error, StateDecodeError | HandlerExitError)


def clarified(error: BaseException, owner: str, fields: tuple[str, ...]) -> BaseException:
    """*error*, or a clearer one in its place.

    Python refuses to set an undeclared attribute on a class with slots, but cannot say what to write instead.
    """
    if type(error) is AttributeError and error.obj is None:
        match = _ATTRIBUTE.search(str(error))
        if match is not None and str(error).startswith(f"'{owner.rpartition('.')[2]}' "):
            return UndeclaredAttributeError(owner, match[1], fields)
    return error


def dead_letter(
    policy: DeadLetter,
    app: Application,
    target: Address,
    invocation: Invocation,
    error: BaseException,
    attempts: int,
    time: str,
) -> Egress:
    """The record about a message that was given up."""
    argument = invocation.argument
    record: dict[str, object] = {
        "function_type": target.typename,
        "id": target.id,
        "caller": None if invocation.caller is None else str(invocation.caller),
        "typename": argument.typename,
        **value_json(argument, app),
        "error_type": type(error).__name__,
        "error": describe_error(error),
        "attempts": attempts,
        "time": time,
    }
    data = msgspec.json.encode(_printable(record))
    if policy.as_value:
        return Egress(policy.egress, TypedValue("statefun-actors/dead-letter", data))
    topic = policy.topic if policy.topic is not None else policy.egress.rpartition("/")[2]
    return Egress(policy.egress, record_to_typed(kafka_record(topic=topic, key=_clean(str(target)), value=data)))


def value_json(argument: TypedValue, app: Application) -> dict[str, object]:
    """``{"value": …}`` where the value has a JSON form, else ``{"value_base64": …}``."""
    shown = json_of(argument, app.codecs())
    if shown is NO_JSON:
        return {"value_base64": base64.b64encode(argument.value).decode()}
    return {"value": shown}


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _printable(record: dict[str, object]) -> dict[str, object]:
    return {key: _clean(item) if isinstance(item, str) else item for key, item in record.items()}
