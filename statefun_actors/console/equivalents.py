"""A message as the lines that send the same: by curl, by the command line, and in Python."""

from __future__ import annotations

import shlex
from urllib.parse import quote

import attrs

from statefun_actors.address import Address
from statefun_actors.console.links import query
from statefun_actors.console.look import Look
from statefun_actors.console.message_form import codec_of, read_after
from statefun_actors.entity import EntityFunction
from statefun_actors.interrupts import of_user_code
from statefun_actors.model import TypedValue

_PLAIN = (bool, int, float, str, bytes)
"""Types whose repr is Python, next to attrs classes."""


@attrs.frozen(kw_only=True)
class SameMessage:
    """A line for a shell with curl, one for the command line, and one in Python; None where there is none."""

    curl: str | None
    command: str | None
    python: str | None


def same_message(look: Look, target: Address, value: TypedValue, text: str, after: str) -> SameMessage:
    """The lines for *value*, whose JSON is *text*, to *target*, to be delivered *after* a duration or, if empty, now.

    Raises:
        DelayError: *after* is not a duration.
    """
    delay_ms = read_after(after)
    delay = after if delay_ms else ""
    return SameMessage(
        curl=None if look.origin is None else _curl(look.origin, target, value, text, delay, token=look.token),
        command=None if look.path is None else _command(look.path, target, value, text, delay),
        python=_python(look, target, value, delay_ms),
    )


def _curl(origin: str, target: Address, value: TypedValue, text: str, delay: str, *, token: bool) -> str:
    url = f"{origin}/ingress/{target.typename}/{quote(target.id, safe='')}{query(type=value.typename, after=delay)}"
    access = '-H "Authorization: Bearer $STATEFUN_ACTORS_TOKEN" ' if token else ""
    return f"curl -X PUT {shlex.quote(url)} {access}-H 'Content-Type: application/json' -d {shlex.quote(text)}"


def _command(path: str, target: Address, value: TypedValue, text: str, delay: str) -> str:
    later = f"--after {shlex.quote(delay)} " if delay else ""
    words = " ".join(map(shlex.quote, (str(target), value.typename, text)))
    return f"statefun-actors send --store {shlex.quote(path)} {later}APP {words}"


def _python(look: Look, target: Address, value: TypedValue, delay_ms: int) -> str | None:
    codec = codec_of(look.app, target.typename, value.typename)
    if codec is None or not isinstance(codec.annotation, type):
        return None
    if not (attrs.has(codec.annotation) or codec.annotation in _PLAIN):
        return None
    served = look.app.served_function(target.typename)
    if served is not None and isinstance(served.function, EntityFunction):
        address = f"{served.function.name}.at({target.id!r})"
    else:
        address = f"Address({target.typename!r}, {target.id!r})"
    later = f", after={delay_ms / 1000!r}".removesuffix(".0") if delay_ms else ""
    try:
        message = repr(codec.decode(value.value, value.typename))
    except BaseException as error:  # a user's class, or its __repr__
        of_user_code(error)
        return None
    return f"await runtime.tell({address}, {message}{later})"
