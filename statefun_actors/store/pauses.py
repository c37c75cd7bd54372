"""The paused entities and function types of a store: one of its positions, so that pausing is part of a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, TypeAlias

import msgspec

from statefun_actors.address import Address
from statefun_actors.errors import InvalidAddressError, StatefunActorsError
from statefun_actors.store.errors import StoreError
from statefun_actors.store.rows import Recovered

PAUSES: Final = "paused"
"""The position that holds them."""

PauseTarget: TypeAlias = str | Address
"""A function type, or the address of one entity."""

Pauses: TypeAlias = Mapping[PauseTarget, int]
"""What is paused, each with the time of the pause in milliseconds since 1970."""

_Time = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""Milliseconds since 1970, up to the year 9999."""
_decode: Final = msgspec.json.Decoder(list[tuple[str, str | None, _Time]]).decode


def read_pauses(recovered: Recovered) -> dict[PauseTarget, int]:
    """What is paused in the store that *recovered* is of.

    Raises:
        StoreError: the position can't be read.
    """
    text = recovered.positions.get(PAUSES)
    if text is None:
        return {}
    try:
        return pauses_in(text)
    except ValueError as error:
        raise StoreError("of this engine", str(error), "Import the store again without this position.") from error


def pauses_in(text: str) -> dict[PauseTarget, int]:
    """What is paused, from the *text* of the position. Raises ValueError: it can't be read."""
    try:
        return {typename if id is None else Address(typename, id): since for typename, id, since in _decode(text)}
    except (msgspec.MsgspecError, InvalidAddressError) as error:
        reason = f"its position {PAUSES!r} must be a list of [type, id or null, milliseconds]: {error}"
        raise ValueError(reason) from error


def pauses_position(pauses: Pauses) -> dict[str, str]:
    """The positions of a commit after which *pauses* are in the store."""
    rows = [[target, None, at] if isinstance(target, str) else [*target, at] for target, at in pauses.items()]
    return {PAUSES: msgspec.json.encode(rows).decode()}


def paused_since(pauses: Pauses, address: Address) -> int | None:
    """Since when *address* is paused, itself or with its function type; None if it is not."""
    since = pauses.get(address)
    return pauses.get(address[0]) if since is None else since


def with_pauses(pauses: Pauses, targets: Iterable[PauseTarget], now_ms: int) -> dict[PauseTarget, int]:
    """*pauses* with *targets*; those that are new, since *now_ms*."""
    return {**dict.fromkeys(targets, now_ms), **pauses}


def without_pauses(pauses: Pauses, targets: Iterable[PauseTarget]) -> dict[PauseTarget, int]:
    """*pauses* without *targets*.

    Raises:
        NotPausedError: one of them is not paused; the error names the first.
    """
    rest = dict(pauses)
    for target in dict.fromkeys(targets):
        if rest.pop(target, None) is None:
            raise NotPausedError(target, not isinstance(target, str) and target[0] in pauses)
    return rest


class NotPausedError(StatefunActorsError, LookupError):
    """This entity or function type is not paused. Retrying cannot help.

    Args:
        target: the function type or the address.
        by_type: whether the function type of the address is paused, so that its messages wait nevertheless.
    """

    def __init__(self, target: PauseTarget, by_type: bool = False) -> None:
        super().__init__(target, by_type)
        self.target, self.by_type = target, by_type

    def __str__(self) -> str:
        if self.by_type and not isinstance(self.target, str):
            typename = self.target.typename
            return f"{self.target} is paused with its function type {typename}; resume {typename} instead."
        return f"{self.target} is not paused. `statefun-actors pause` without a target lists what is paused."
