"""All sentences, all engines."""

from __future__ import annotations

from typing import Final

from tests.conformance import cases as _cases
from tests.conformance.embedded import EMBEDDED as EMBEDDED_ENGINE
from tests.conformance.engine import EngineKind
from tests.conformance.sections import (
    ACTIVITIES,
    ASKING,
    BATCHES,
    CONTEXT,
    EMBEDDED,
    ENDS,
    EVOLUTION,
    FAILURES,
    RECURRING,
    VALUES,
    Case,
    Section,
    Sentence,
)
from tests.conformance.wire import WIRE_2, WIRE_3
from tests.flink.conformance import FLINK

ENGINES: Final[tuple[EngineKind, ...]] = (EMBEDDED_ENGINE, WIRE_3, WIRE_2, FLINK)
"""The columns of the table. A further engine is a further line here."""
SECTIONS: Final[tuple[Section, ...]] = (
    VALUES,
    BATCHES,
    FAILURES,
    CONTEXT,
    EMBEDDED,
    EVOLUTION,
    ASKING,
    ACTIVITIES,
    RECURRING,
    ENDS,
)
MODULES: Final = _cases.MODULES
"""Imported for the sentences that they declare, in the order of reading."""


def sentences() -> list[Sentence]:
    """In the order of the fine print."""
    return [sentence for section in SECTIONS for sentence in section.sentences]


def case(number: str) -> Case:
    """The case of that number."""
    [found] = [sentence for sentence in sentences() if sentence.number == number]
    assert isinstance(found, Case)
    return found
