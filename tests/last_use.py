"""Ends what tests of a group share after the last of them: an idle Flink, broker or browser takes time from others."""

from __future__ import annotations

import atexit
from collections import defaultdict
from collections.abc import Callable
from typing import Final

FLINK: Final = "flink"
KAFKA: Final = "kafka"
BROWSER: Final = "browser"
FLINK_OVER_KAFKA: Final = "flink over kafka"

_ends: Final[dict[str, list[Callable[[], None]]]] = defaultdict(list)


def end_with(group: str, end: Callable[[], None]) -> None:
    """Call *end* after the last test of *group* (``xdist_group``), or when this process ends, if that is sooner."""
    _ends[group].append(end)
    atexit.register(end)


def end_all_of(group: str) -> None:
    """Call what :func:`end_with` was given for *group*, the newest first."""
    for end in reversed(_ends.pop(group, [])):
        atexit.unregister(end)
        end()
