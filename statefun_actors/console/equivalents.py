"""A message as the lines that send the same: by curl, by the command line, and in Python."""

from __future__ import annotations

import shlex
from urllib.parse import quote

import attrs

from statefun_actors.address import Address
from statefun_actors.console.links import query
from statefun_actors.console.look import Look
from statefun_actors.console.message_form import codec_of
from statefun_actors.entity import EntityFunction
from statefun_actors.model import TypedValue

_PLAIN = (bool, int, float, str, bytes)
"""Types whose repr is Python, next to attrs classes."""


@attrs.frozen(kw_only=True)
class SameMessage:
    """A line for a shell with curl, one for the command line, and one in Python; None where there is none."""

    curl: str
    command: str | None
    python: str | None


def same_message(look: Look, target: Address, value: TypedValue, text: str) -> SameMessage:
    """The lines for *value*, whose JSON is *text*, to *target*."""
    url = f"{look.origin}/ingress/{target.typename}/{quote(target.id, safe='')}{query(type=value.typename)}"
    words = " ".join(map(shlex.quote, (str(target), value.typename, text)))
    return SameMessage(
        curl=f"curl -X PUT {shlex.quote(url)} -H 'Content-Type: application/json' -d {shlex.quote(text)}",
        command=None if look.path is None else f"statefun-actors send --store {shlex.quote(look.path)} APP {words}",
        python=_python(look, target, value),
    )


def _python(look: Look, target: Address, value: TypedValue) -> str | None:
    codec = codec_of(look.app, target.typename, value.typename)
    if codec is None or not isinstance(codec.annotation, type):
        return None
    if not (attrs.has(codec.annotation) or codec.annotation in _PLAIN):
        return None
    route = look.app.route(target.typename)
    if route is not None and isinstance(route.function, EntityFunction):
        address = f"{route.function.name}.at({target.id!r})"
    else:
        address = f"Address({target.typename!r}, {target.id!r})"
    return f"await runtime.tell({address}, {codec.decode(value.value, value.typename)!r})"
