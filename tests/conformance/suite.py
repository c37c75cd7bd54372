"""All cases, all engines."""

from __future__ import annotations

from tests.conformance import batches, failures, values
from tests.conformance.embedded import EMBEDDED
from tests.conformance.engine import CASES, Case, EngineKind
from tests.conformance.wire import WIRE_2, WIRE_3
from tests.flink.conformance import FLINK

ENGINES: tuple[EngineKind, ...] = (EMBEDDED, WIRE_3, WIRE_2, FLINK)
MODULES = (values, batches, failures)
"""Imported for the cases that they declare."""


def cases() -> list[Case]:
    """In the order of their numbers' letters, then as declared."""
    return list(CASES.values())
