"""``FailingEgress``: why an egress can't be written at present."""

from __future__ import annotations

import attrs

from statefun_actors.engine.clock import seconds_text


@attrs.frozen
class FailingEgress:
    """An egress that can't be written at present, or not all of it.

    Args:
        reason: why the last attempt failed.
        since_ms: the time of the first failure since it was written, or since the engine started, in milliseconds since
            1970.
    """

    reason: str
    since_ms: int

    def describe(self, name: str) -> str:
        """It in one sentence; *name*: of the egress."""
        return f"egress {name} can't be written since {seconds_text(self.since_ms)}: {self.reason}"
