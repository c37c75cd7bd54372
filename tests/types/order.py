"""An attrs class whose values are validated."""

from __future__ import annotations

from typing import Any

import attrs


def positive(_: Any, __: Any, number: int) -> None:
    if number <= 0:
        raise ValueError(f"{number} is not positive")


@attrs.define
class Order:
    id: str
    total: int = attrs.field(validator=positive)
    tags: list[str] = attrs.field(factory=list, kw_only=True)
    label: str = attrs.field(default=attrs.Factory(lambda self: f"order {self.id}", takes_self=True), kw_only=True)
    seen: int = attrs.field(default=0, init=False)
