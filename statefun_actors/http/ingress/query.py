"""The query of a request to the ingress."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

from statefun_actors.http.ingress.bodies import bad
from statefun_actors.ingress import Wait, delay_of
from statefun_actors.units import DURATION_FORM, read_seconds

LONGEST_WAIT: Final = 300.0


class Query(Struct, frozen=True, gc=False):
    """The query of a message: its type, the event and time that its sender waits for, and its delay."""

    typename: str | None = None
    wait: Wait = Wait.TAKEN
    seconds: float = 0.0
    delay_ms: int = 0


@lru_cache(1024)
def read_query(raw: bytes) -> Query:
    """The query of a message. Raises RefusedError: it is invalid."""
    if not raw:
        return Query()
    given = _parameters(raw, ("type", "wait", "until", "after"))
    until, seconds, delay_ms = given.get("until"), _seconds(given.get("wait")), _delay_ms(given.get("after"))
    if until is not None and (until != "reply" or not seconds):
        raise bad("expected until= as ?wait=5s&until=reply: wait for a reply from any sender")
    if delay_ms and seconds:
        raise bad("?after= and ?wait= exclude each other: a delayed message can't be awaited")
    wait = Wait.TAKEN if not seconds else Wait.HANDLED if until is None else Wait.REPLY
    return Query(given.get("type"), wait, seconds, delay_ms)


@lru_cache(1024)
def read_type(raw: bytes) -> str | None:
    """The type in the query of an answer. Raises RefusedError: it is invalid."""
    return _parameters(raw, ("type",)).get("type") if raw else None


def _parameters(raw: bytes, known: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            raise bad(f"unknown parameter ?{name[:40]}=; {_listed(known)}")
        if name in given:
            raise bad(f"expected one ?{name}=, got two")
        given[name] = value
    return given


def _listed(names: Sequence[str]) -> str:
    return f"expected one of: {', '.join(names)}" if len(names) > 1 else f"expected ?{names[0]}="


def _seconds(written: str | None) -> float:
    if written is None:
        return 0.0
    try:
        seconds = read_seconds(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_WAIT:
        raise bad(f"?wait=: expected {DURATION_FORM}, more than 0 and at most 5m; got {written[:40]!r}")
    return seconds


def _delay_ms(written: str | None) -> int:
    if written is None:
        return 0
    try:
        return delay_of(written)
    except ValueError as error:
        raise bad(f"?after=: {error}") from None
