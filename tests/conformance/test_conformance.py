"""Every case on every engine."""

from __future__ import annotations

import pytest

from tests.conformance.engine import Case, EngineKind
from tests.conformance.suite import ENGINES, cases
from tests.flink.conformance import FLINK

RUNS = [
    pytest.param(
        case,
        engine,
        id=f"{case.number}-{engine.name.replace(' ', '-')}",
        marks=[pytest.mark.flink] if engine is FLINK else [],
    )
    for engine in ENGINES
    for case in cases()
    if engine.reason(case) is None
]


@pytest.mark.parametrize(("case", "engine"), RUNS)
async def test_case(case: Case, engine: EngineKind) -> None:
    await case.function(engine.start)


def test_what_an_engine_cannot_do_is_said_with_its_reason() -> None:
    for engine in ENGINES:
        for case in cases():
            reason = engine.reason(case)
            assert reason is None or len(reason) > 10
