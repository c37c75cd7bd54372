"""Failing messages as rows of a page, each with the key by which its form names it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from statefun_actors.admin import FailingItem, failing_item
from statefun_actors.engine import FailingMessage
from statefun_actors.types import Codec


@attrs.frozen
class FailingRow:
    """A failing message. *key*: as :func:`failing_key` returns it."""

    key: str
    item: FailingItem


def failing_key(failing: FailingMessage) -> str:
    """The number of the message and its address, with a colon between: another message of the address has another."""
    return f"{failing.message.seq}:{failing.message.target}"


def failing_rows(messages: Iterable[FailingMessage], known: Mapping[str, Codec]) -> Iterator[FailingRow]:
    """The failing *messages*, in the same order."""
    return (FailingRow(failing_key(failing), failing_item(failing, known)) for failing in messages)
