"""A message of one field."""

from __future__ import annotations

import attrs

from statefun_actors.types import message


@message("bank/deposit")
class Deposit:
    cents: int
    note: str = ""
    tags: list[str] = attrs.field(factory=list)

    def euros(self) -> float:
        return self.cents / 100
