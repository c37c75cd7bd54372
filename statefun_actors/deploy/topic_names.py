"""Names of topics."""

from __future__ import annotations

import re
from typing import Final

_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9._-]+")


def for_a_topic(text: str) -> str:
    """*text* with ``-`` in place of what Kafka allows in no topic's name. Different texts may become the same."""
    return _NOT_ALLOWED.sub("-", text)
