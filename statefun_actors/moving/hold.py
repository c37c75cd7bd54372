"""``Hold``: the span in which no delayed message comes due in the job, while all of them are set there."""

from __future__ import annotations

from msgspec import Struct


class Hold(Struct, frozen=True):
    """A span from *from_ms*, the time in milliseconds since 1970 at which the first delayed message is set.

    A message of one entity may cancel the delayed message of another one. So none runs before all of them are set, and
    they come due in the order that they have in the store.
    """

    from_ms: int
    length_ms: int

    @property
    def until_ms(self) -> int:
        """Its end."""
        return self.from_ms + self.length_ms

    def due(self, due_ms: int) -> int:
        """The time at which a message that is due at *due_ms* comes due in the job.

        Those due in the span and as long after it come due in the second half of that time, in their order.
        """
        later_ms = max(0, due_ms - self.from_ms)
        return due_ms if later_ms >= 2 * self.length_ms else self.until_ms + later_ms // 2
