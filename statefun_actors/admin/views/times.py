"""Times as text."""

from __future__ import annotations

from statefun_actors.engine import at_ms


def time_text(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601, in UTC; as they are where no calendar reaches."""
    try:
        return at_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError):
        return f"{ms} ms"
