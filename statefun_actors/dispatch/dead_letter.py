"""The dead letter: the record of a message that its failure policy gave up."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from statefun_actors.address import Address
from statefun_actors.asking import short_or_none
from statefun_actors.definition import DeadLetter
from statefun_actors.dispatch.application import Application
from statefun_actors.interrupts import of_user_code
from statefun_actors.model import KEPT_BYTES, LARGEST_VALUE, Egress, Invocation, TypedValue
from statefun_actors.text import describe_error, describe_type, encodable
from statefun_actors.types import NO_JSON, json_of, kafka_record, record_to_typed


def dead_letter(
    policy: DeadLetter,
    app: Application,
    target: Address,
    invocation: Invocation,
    error: BaseException,
    attempts: int,
    time: str,
) -> Egress:
    """The dead letter of a message that was given up.

    If it were too large, because the JSON of a value may take six times its bytes, it has the first bytes of the value.
    """
    argument = invocation.argument

    def letter(value: Mapping[str, object], note: str = "") -> bytes:
        record: dict[str, object] = {
            "function_type": target.typename,
            "id": target.id,
            "caller": short_or_none(invocation.caller),
            "typename": argument.typename,
            **value,
            "error_type": describe_type(error),
            "error": f"{describe_error(error)}{note}",
            "attempts": attempts,
            "time": time,
        }
        return msgspec.json.encode(
            {key: encodable(item) if isinstance(item, str) else item for key, item in record.items()}
        )

    try:
        data = letter(_shown(argument, app))
    except BaseException as raised:  # a value that can't be shown must not keep its message from being given up
        of_user_code(raised)
        data = letter(_in_base64(argument.value))
    if len(data) > LARGEST_VALUE:
        note = f" (The first {KEPT_BYTES:,} of its {len(argument.value):,} bytes are kept.)"
        data = letter(_in_base64(argument.value[:KEPT_BYTES]), note)
    if policy.as_value:
        return Egress(policy.egress, TypedValue("statefun-actors/dead-letter", data))
    topic = policy.record_topic
    return Egress(policy.egress, record_to_typed(kafka_record(topic=topic, key=encodable(str(target)), value=data)))


def _shown(argument: TypedValue, app: Application) -> dict[str, object]:
    """``{"value": …}`` if the value has a JSON form, else ``{"value_base64": …}``."""
    shown = json_of(argument, app.codecs())
    if shown is NO_JSON:
        return _in_base64(argument.value)
    return {"value": shown}


def _in_base64(value: bytes) -> dict[str, object]:
    return {"value_base64": base64.b64encode(value).decode()}
