"""The message logs of the latest runtimes: for reports of failed tests."""

from __future__ import annotations

from collections import deque
from typing import Final

from statefun_actors.testing.faults import MessageLog

LOGS: Final[deque[MessageLog]] = deque(maxlen=4)
"""Those of the runtimes that a test began itself, the latest last."""
